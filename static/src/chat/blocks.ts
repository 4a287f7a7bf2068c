/**
 * Pure: where a growing text can be cut for good. A block is finished when a later one has begun on a
 * whole line; finished blocks are never parsed again.
 */

import type { Block } from "./markdown";

/** A paragraph or list past this is cut at a line, lest each new word parse all of it again. */
export const MAX_BLOCK_CHARS = 40_000;

/**
 * How many characters at the start of `tail` are finished: all before the last block, as seen in whole
 * lines only. A line that is still growing can change what it is: `#` becomes `#tag`.
 */
export function finishedChars(tail: string, blocksOf: (source: string) => Block[]): number {
  const whole = tail.lastIndexOf("\n") + 1;
  if (whole === 0) {
    return 0;
  }
  const last = blocksOf(tail.slice(0, whole)).at(-1);
  if (last === undefined) {
    return 0;
  }
  return offsetOfLine(tail, last.from);
}

export function offsetOfLine(text: string, line: number): number {
  let offset = 0;
  for (let passed = 0; passed < line; passed += 1) {
    const end = text.indexOf("\n", offset);
    if (end === -1) {
      return text.length;
    }
    offset = end + 1;
  }
  return offset;
}
