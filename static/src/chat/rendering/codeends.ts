/** Pure: where a block of code at the start of a text begins and ends, however long, without a parser. */

const OPENING = /^(?:(`{3,})([^`\n]*)|(~{3,})([^\n]*))\n/;

export interface Code {
  language: string;
  /** The code itself. */
  from: number;
  to: number;
  /** Behind its closing line; the end of the text where there is none. */
  after: number;
  /** Whether that line is whole: one that is still growing can become another. */
  isClosed: boolean;
}

/** Null when this text does not begin with one. */
export function codeAt(source: string): Code | null {
  const [line = "", ticks, ticksInfo, waves, wavesInfo] = OPENING.exec(source) ?? [];
  if (line === "") {
    return null;
  }
  const mark = ticks ?? waves ?? "";
  const closing = new RegExp(`^ {0,3}${mark.charAt(0)}{${mark.length},}[ \\t]*$\\n?`, "gm");
  closing.lastIndex = line.length;
  const end = closing.exec(source);
  return {
    language: (ticksInfo ?? wavesInfo ?? "").trim().split(/\s+/)[0] ?? "",
    from: line.length,
    to: end?.index ?? source.length,
    after: end === null ? source.length : end.index + end[0].length,
    isClosed: end?.[0].endsWith("\n") ?? false,
  };
}

/** Not between the two halves of a character. */
export function wholeChars(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return at < text.length && code >= 0xd800 && code < 0xdc00 ? at - 1 : Math.min(at, text.length);
}
