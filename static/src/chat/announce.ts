/** Pure: what a screen reader is told of an answer, by state and by whole sentence. */

import type { Answer } from "./generations";
import { isOpen } from "./generations";
import { stateInWords } from "./Progress";
import { sentenceAbout } from "./reasons";
import { t } from "./words";

/** What to say now that `before` has become `after`, and how much of the text has then been said. */
export function announcement(
  before: Answer | null,
  after: Answer,
  saidChars: number,
): { words: string[]; saidChars: number } {
  const words: string[] = [];
  if (before !== null && before.state !== after.state && isOpen(after)) {
    words.push(stateInWords(after));
  } else if (before !== null && before.position !== after.position && after.position !== null) {
    words.push(stateInWords(after));
  }
  const from = before !== null && after.attempt === before.attempt ? saidChars : 0;
  const to = isOpen(after) ? endOfSentences(after.text, from) : after.text.length;
  if (to > from) {
    words.push(plain(after.text.slice(from, to)));
  }
  if (before !== null && isOpen(before) && !isOpen(after)) {
    words.push(sentenceAbout(after) || t("The answer is complete."));
  }
  return { words, saidChars: Math.max(from, to) };
}

/** One past the last whole sentence or line at or after `from`; `from` when there is none. */
export function endOfSentences(text: string, from: number): number {
  const ends = /[.!?…]["”’)]*\s|[。！？]|\n/g;
  ends.lastIndex = from;
  let end = from;
  for (let found = ends.exec(text); found !== null; found = ends.exec(text)) {
    end = ends.lastIndex;
  }
  return end;
}

function plain(markdown: string): string {
  return markdown
    .replace(/```[\w+#.-]*/g, " ")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`#>|~]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
