/**
 * Pure: where a growing text can be cut for good. A block is finished when a later one has begun on a
 * whole line; finished blocks are never parsed again.
 */

import type { Block } from "./markdown";
import { codeAt, wholeChars } from "./rendering/codeends";

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

/**
 * As `finishedChars`, a piece of at most `MAX_BLOCK_CHARS` at a time, however long the text: only a
 * block of code may be longer. With `isOver` all of it is finished in the end.
 */
export function nextChars(
  tail: string,
  isOver: boolean,
  blocksOf: (source: string) => Block[],
): number {
  if (isOver && tail.length <= MAX_BLOCK_CHARS) {
    return tail.length;
  }
  const near = tail.slice(0, MAX_BLOCK_CHARS);
  const count = finishedChars(near, blocksOf);
  if (count > 0 || near.length === tail.length) {
    return count;
  }
  const code = codeAt(tail);
  if (code !== null) {
    return isOver || code.isClosed ? code.after : 0;
  }
  return near.lastIndexOf("\n") + 1 || wholeChars(tail, MAX_BLOCK_CHARS);
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
