/** How long a tab that lost its line waits before it calls again. Knows numbers, no connection. */

/** One lost line among many that hold: back before anybody notices. */
const FIRST_WAIT_MS = 400;
/** The server itself is away: whoever calls it again does so at any moment of this time (C13). */
const SPREAD_MS = 10_000;
const TOO_SLOW = 4408;
/** "Going away", "service restart", "try again later": everybody was told so at one moment. */
const SERVER_LEAVES = new Set([1001, 1012, 1013]);

export function isServerAway(failures: number, code: number): boolean {
  return failures > 0 || SERVER_LEAVES.has(code);
}

export function waitMs(failures: number, code: number, chance = Math.random): number {
  if (isServerAway(failures, code)) {
    return chance() * SPREAD_MS;
  }
  return code === TOO_SLOW ? 0 : FIRST_WAIT_MS * (0.5 + chance() / 2);
}
