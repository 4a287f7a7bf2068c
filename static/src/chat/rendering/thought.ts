/** How long answers were thought about: as was measured, else as this tab has seen it. Nothing is guessed. */

import type { Stats } from "../frames";

const NS = 1e9;

interface Seen {
  fromMs: number;
  toMs: number | null;
}

const seen = new Map<string, Seen>();

/** Whole seconds, as the worker measured them; null of an answer that is not over, or was not measured. */
export function measuredSeconds(stats: Stats | null): number | null {
  const measured = stats?.thinking_ns;
  return measured ? Math.round(measured / NS) : null;
}

/** Whole seconds from the first thought that this tab saw to the first word; null when it was not there. */
export function thoughtSeconds(
  id: string,
  isOver: boolean,
  nowMs: number = performance.now(),
): number | null {
  const known = seen.get(id);
  if (known === undefined) {
    if (!isOver) {
      seen.set(id, { fromMs: nowMs, toMs: null });
    }
    return null;
  }
  if (!isOver) {
    // A new attempt thinks anew.
    seen.set(id, { fromMs: known.toMs === null ? known.fromMs : nowMs, toMs: null });
    return null;
  }
  known.toMs ??= nowMs;
  return Math.round((known.toMs - known.fromMs) / 1000);
}
