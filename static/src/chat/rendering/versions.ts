/** Which documents of the conversation are versions of the one that is shown beside it. */

import { computed } from "@preact/signals";
import { isOpen } from "../generations";
import { fencesOf } from "../markdown";
import { answerOf } from "../stream";
import { shown } from "../talk/shown";
import { kindOf } from "./kinds";
import { visible } from "./previewed";

/** Every version of that kind in the finished answers of the shown branch, the oldest first. */
export const versions = computed<string[]>(() => {
  const now = visible.value;
  if (now === null) {
    return [];
  }
  const found = answersShown().flatMap((text) =>
    fencesOf(text)
      .filter(({ language, text: code }) => kindOf(language, code) === now.kind)
      .map((fence) => fence.text),
  );
  const isThere = found.some((text) => text === now.text);
  return isThere ? found : [...found, now.text];
});

function answersShown(): string[] {
  const now = shown.value;
  if (now.is !== "open") {
    return [];
  }
  return now.questions.flatMap((question) => {
    const answer = answerOf(question.shownAnswer ?? "")?.value;
    return answer === undefined || isOpen(answer) ? [] : [answer.text];
  });
}
