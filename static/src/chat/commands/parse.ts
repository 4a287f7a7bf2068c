/** Pure: what a person typed, as a command of the composer or as a message. */

export interface Typed {
  /** Without the slash, in small letters. */
  name: string;
  words: string[];
  /** All behind the name, as it was typed. */
  rest: string;
}

const QUOTES = '"""';
/** A path or a second slash is not a command. */
const COMMAND = /^\/([\p{L}\p{N}_-]+|\?)(?=\s|$)/u;

/** The command in this text; null when it is a message. */
export function parse(text: string): Typed | null {
  const found = COMMAND.exec(text);
  if (found === null) {
    return null;
  }
  const rest = text.slice(found[0].length).trim();
  return {
    name: (found[1] ?? "").toLowerCase(),
    words: rest === "" ? [] : rest.split(/\s+/),
    rest,
  };
}

/** Whether a block of triple quotes has been begun and not ended: Enter makes a new line in it. */
export function isInQuotes(text: string): boolean {
  const opening = text.indexOf(QUOTES);
  if (opening === -1 || !mayOpen(text.slice(0, opening))) {
    return false;
  }
  return !text.slice(opening + QUOTES.length).includes(QUOTES);
}

/** A message without the triple quotes around it. */
export function unquoted(text: string): string {
  const trimmed = text.trim();
  const isQuoted =
    trimmed.startsWith(QUOTES) && trimmed.endsWith(QUOTES) && trimmed.length >= 2 * QUOTES.length;
  return isQuoted ? trimmed.slice(QUOTES.length, -QUOTES.length).replace(/^\n|\n$/g, "") : text;
}

/** The text of `/set system …`, with or without quotes around it. */
export function unquotedValue(text: string): string {
  const inner = unquoted(text);
  if (inner !== text) {
    return inner.trim();
  }
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text;
}

function mayOpen(before: string): boolean {
  return before.trim() === "" || /^\/set\s+system\s+$/i.test(before);
}
