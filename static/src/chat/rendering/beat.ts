/**
 * Pure: when what grows is shown again, so that keys and clicks have most of the time. While somebody
 * types, that is behind a key that is shown, and not just before the next one.
 */

/** Nobody sees more. */
const SHOWN_EVERY_MS = 33;
/** For each millisecond that a drawing took, so many without one. */
const REST = 2;
/** The words come to a person in portions no rarer than this, however slow her machine is. */
const LONGEST_REST_MS = 250;
/** So long behind a key somebody still types. */
const TYPING_MS = 500;
/** So soon behind a key that is shown, not even a quick hand has pressed the next one. */
const FREE_MS = 40;

export class Beat {
  private shownAt = Number.NEGATIVE_INFINITY;
  private restsUntil = Number.NEGATIVE_INFINITY;
  private pressedAt = Number.NEGATIVE_INFINITY;
  private keyShownAt = Number.NEGATIVE_INFINITY;

  shown(nowMs: number): void {
    this.shownAt = nowMs;
  }

  drew({ fromMs, toMs }: { fromMs: number; toMs: number }): void {
    this.restsUntil = toMs + Math.min(LONGEST_REST_MS, (toMs - fromMs) * REST);
  }

  pressed(nowMs: number): void {
    this.pressedAt = nowMs;
  }

  keyShown(nowMs: number): void {
    this.keyShownAt = nowMs;
  }

  /** How long to wait, keys or no keys. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.shownAt + SHOWN_EVERY_MS - nowMs, this.restsUntil - nowMs);
  }

  /** Whether it would be in no key's way. */
  isFree(nowMs: number): boolean {
    const isTyping = nowMs - this.pressedAt < TYPING_MS;
    const isBehindKey = this.keyShownAt >= this.pressedAt && nowMs - this.keyShownAt < FREE_MS;
    const isDue = nowMs - this.shownAt >= LONGEST_REST_MS;
    return !isTyping || isBehindKey || isDue;
  }
}
