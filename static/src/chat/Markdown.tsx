/** A place on the page where a growing text is drawn, at most once a frame; until it can be, as it is. */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { GrowingText } from "./growing";
import { drawer, fetchDrawer } from "./prose";
import { drawnSince } from "./rendering/pacing";
import { pressed } from "./rendering/pressed";

const LONGEST_WAIT_MS = 120;

interface Props {
  text: string;
  isOver: boolean;
}

export function Markdown(props: Props): JSX.Element {
  const Drawer = drawer.value;
  useEffect(() => void fetchDrawer(), []);
  return Drawer === null ? (
    <div class="prose prose-plain" dir="auto">
      {props.text}
    </div>
  ) : (
    <Drawn {...props} Drawer={Drawer} />
  );
}

function Drawn({ text, isOver, Drawer }: Props & { Drawer: typeof GrowingText }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const growing = useRef<GrowingText | null>(null);
  const newest = useRef({ text, isOver });
  const cancel = useRef<(() => void) | null>(null);
  newest.current = { text, isOver };

  useLayoutEffect(() => {
    const draw = (): void => {
      cancel.current?.();
      cancel.current = null;
      if (place.current !== null) {
        const fromMs = performance.now();
        growing.current ??= new Drawer(place.current);
        growing.current.show(newest.current.text, newest.current.isOver);
        drawnSince(fromMs);
      }
    };
    if (growing.current === null || isOver) {
      draw();
    } else {
      cancel.current ??= soon(draw);
    }
  }, [text, isOver]);

  useLayoutEffect(() => () => cancel.current?.(), []);

  // biome-ignore lint/a11y/noStaticElementInteractions: the buttons inside are met on the way up
  // biome-ignore lint/a11y/useKeyWithClickEvents: a button's click is its key press too
  return <div class="prose" ref={place} onClick={pressed} />;
}

/** At the next frame; or a little later, since a tab in the background gets no frames. */
function soon(draw: () => void): () => void {
  const frame = requestAnimationFrame(draw);
  const timer = window.setTimeout(draw, LONGEST_WAIT_MS);
  return () => {
    cancelAnimationFrame(frame);
    window.clearTimeout(timer);
  };
}
