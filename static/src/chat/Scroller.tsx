/** Keeps the newest words in sight until the person scrolls up to read; then what she reads stays. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import { Holding } from "./talk/holding";
import { Nearness, NearnessContext } from "./talk/near";
import { wanted } from "./talk/shown";
import { t } from "./words";

/** So far from the upper end what came before is fetched. */
const EARLIER_PX = 1_200;
/** So long a question that the page went to is marked. */
const FOUND_FOR_MS = 2_400;

interface Props {
  id: string;
  hasEarlier: boolean;
  loadEarlier: () => void;
  children: ComponentChildren;
}

export function Scroller({ id, hasEarlier, loadEarlier, children }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const holding = useRef<Holding | null>(null);
  const nearness = useMemo(() => new Nearness(box), []);
  const [isAway, setAway] = useState(false);

  useLayoutEffect(() => {
    if (box.current === null || content.current === null) {
      return;
    }
    const held = new Holding(box.current, content.current);
    holding.current = held;
    held.toNewest();
    setAway(false);
    const observer = new ResizeObserver(() => held.restore());
    observer.observe(content.current);
    return () => observer.disconnect();
  }, [id]);

  const goal = wanted.value;
  useEffect(() => {
    const found = goal && box.current?.querySelector(`[data-question="${CSS.escape(goal)}"]`);
    if (found) {
      wanted.value = null;
      holding.current?.toTurn(found);
      setAway(true);
      found.classList.add("found");
      window.setTimeout(() => found.classList.remove("found"), FOUND_FOR_MS);
    }
  }, [goal, children]);

  const onScroll = (): void => {
    holding.current?.scrolled();
    setAway(holding.current?.isFollowing === false);
    if (hasEarlier && (box.current?.scrollTop ?? 0) < EARLIER_PX) {
      loadEarlier();
    }
  };
  const toNewest = (): void => {
    holding.current?.toNewest();
    setAway(false);
  };

  return (
    <>
      <div class="scroller" ref={box} onScroll={onScroll}>
        <div class="turns" ref={content}>
          <NearnessContext.Provider value={nearness}>{children}</NearnessContext.Provider>
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
