/** Pure: by which way a tab tries to reach the server next, and when it tries a better one. */

import { LOST, RESTS, SWALLOWED } from "./line";

export type Way = "socket" | "fallback";

export interface Past {
  /** WebSockets in a row that never came to work, or died soon after. */
  readonly socketFailures: number;
  /** They worked, and were cut each time: then one more that opens proves nothing. */
  readonly isCutShort: boolean;
  /** While the other way stood, no WebSocket could be had. */
  readonly isBarred: boolean;
  /** What was tried last, if it never came to work. */
  readonly lastFailed: Way | null;
}

export const NEW: Past = {
  socketFailures: 0,
  isCutShort: false,
  isBarred: false,
  lastFailed: null,
};

/** One may fail by chance; the server may be starting. */
const FEWEST_FAILURES = 2;
export const SHORT_MS = 10_000;
const PROBE_FIRST_MS = 60_000;
const PROBE_MOST_MS = 600_000;
/** Said by the network between, or by nobody. Other codes are the server's: so it was reached. */
const OF_THE_NETWORK = new Set([1002, 1005, LOST, 1015, SWALLOWED]);

export function isOfTheNetwork(code: number): boolean {
  return OF_THE_NETWORK.has(code);
}

export function nextWay(past: Past): Way {
  const isDoubtful = past.isBarred || past.socketFailures >= FEWEST_FAILURES;
  if (!isDoubtful) {
    return "socket";
  }
  // By turns, for perhaps it is the server that is away.
  return past.lastFailed === "fallback" ? "socket" : "fallback";
}

/** A line of that kind has ended. `livedMs` is null if it never came to work. */
export function afterEnd(past: Past, way: Way, code: number, livedMs: number | null): Past {
  if (code === RESTS) {
    return past;
  }
  const lastFailed = livedMs === null ? way : null;
  if (way === "fallback") {
    return { ...past, lastFailed };
  }
  const isShort = livedMs === null || livedMs < SHORT_MS;
  if (!isShort || !isOfTheNetwork(code)) {
    return { ...past, lastFailed, socketFailures: 0, isCutShort: false };
  }
  const isCutShort = livedMs !== null;
  // She has waited long enough for one that nobody refused.
  const failures = code === SWALLOWED ? FEWEST_FAILURES : 1;
  return { ...past, lastFailed, socketFailures: past.socketFailures + failures, isCutShort };
}

/** How long to wait before a WebSocket is tried beside the fallback, for the n-th time. */
export function probeWaitMs(past: Past, probes: number): number {
  const waits = past.isCutShort ? probes + 1 : probes;
  return waits === 0 ? 0 : Math.min(PROBE_FIRST_MS * 2 ** (waits - 1), PROBE_MOST_MS);
}
