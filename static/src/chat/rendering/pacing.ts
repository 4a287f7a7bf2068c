/** The one beat of the page: keys and drawings are told to it, and what grows asks it. */

import { Beat } from "./beat";

/** How often it is asked again while a key holds words up. */
const LOOK_MS = 16;

const beat = new Beat();
let isWatching = false;

/** Calls `show` as soon as it is its time. */
export function inTime(show: () => void): void {
  watch();
  window.setTimeout(() => showWhenFree(show), beat.waitMs(performance.now()));
}

function showWhenFree(show: () => void): void {
  const now = performance.now();
  if (beat.isFree(now)) {
    beat.shown(now);
    show();
  } else {
    window.setTimeout(() => showWhenFree(show), LOOK_MS);
  }
}

/** What was changed costs most where the browser lays it out and paints it, at the end of the frame. */
export function drawnSince(fromMs: number): void {
  soonAfter((toMs) => beat.drew({ fromMs, toMs }));
}

function watch(): void {
  if (!isWatching) {
    isWatching = true;
    document.addEventListener("keydown", () => {
      beat.pressed(performance.now());
      requestAnimationFrame(() => soonAfter((nowMs) => beat.keyShown(nowMs)));
    });
  }
}

/** In the first task behind this one: behind the frame, where this is one. */
function soonAfter(told: (nowMs: number) => void): void {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => told(performance.now());
  channel.port2.postMessage(null);
}
