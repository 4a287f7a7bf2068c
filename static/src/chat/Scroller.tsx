/** Keeps the newest words in sight, until the person scrolls up to read. */

import type { ComponentChildren, JSX, TargetedEvent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import { t } from "./words";

const NEAR_PX = 48;

export function Scroller({
  id,
  children,
}: {
  id: string;
  children: ComponentChildren;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const [isAway, setAway] = useState(false);

  const toNewest = (): void => {
    isFollowing.current = true;
    setAway(false);
    if (box.current !== null) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  };

  useLayoutEffect(() => {
    toNewest();
    const watched = content.current;
    if (watched === null) {
      return;
    }
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) {
        toNewest();
      }
    });
    observer.observe(watched);
    return () => observer.disconnect();
  }, [id]);

  const lastTop = useRef(0);
  const onScroll = (event: TargetedEvent<HTMLDivElement>): void => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    // Only going up is a wish to stay; growing content also moves the end away.
    if (isNear) {
      isFollowing.current = true;
    } else if (scrollTop < lastTop.current) {
      isFollowing.current = false;
    }
    lastTop.current = scrollTop;
    setAway(!isFollowing.current);
  };

  return (
    <>
      <div class="scroller" ref={box} onScroll={onScroll}>
        <div class="turns" ref={content}>
          {children}
        </div>
      </div>
      {isAway && (
        <button type="button" class="jump" onClick={toNewest}>
          <Icon name="down" />
          {t("Jump to newest")}
        </button>
      )}
    </>
  );
}
