/**
 * Pure: a block of code that has begun and not ended takes what comes as it is, so a long program is
 * not read from its beginning again at each new word. Anything else is the parser's business.
 */

const OPENING = /^(`{3,})([^`\n]*)\n/;
/** The parser leaves the beginning of a line out as long as it is blank: what follows would miss it. */
const BEGUN_BLANK = /\n[ \t]+$/;
/** Changed, or marked, on its way to the page. */
const SPECIAL = /[\0\r\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export class OpenFence {
  private constructor(private readonly closing: RegExp) {}

  /** Null when this source is not the beginning of one block of code and nothing else. */
  static of(source: string): OpenFence | null {
    const [line = "", marks = "", language = ""] = OPENING.exec(source) ?? [];
    // What an XML is, a drawing or not, is seen by what it begins with (kinds.ts).
    if (
      line === "" ||
      BEGUN_BLANK.test(source) ||
      language.trim().toLowerCase().startsWith("xml")
    ) {
      return null;
    }
    const closing = new RegExp(`^ {0,3}\`{${marks.length},}[ \\t]*$`, "m");
    return closing.test(source.slice(line.length)) ? null : new OpenFence(closing);
  }

  /** What `after` has more than `before`, if all of that is code; else null. */
  added(before: string, after: string): string | null {
    const added = after.slice(before.length);
    const lines = after.slice(before.lastIndexOf("\n") + 1);
    return SPECIAL.test(added) || this.closing.test(lines) ? null : added;
  }
}
