/** What is shown beside the chat: a kind of document, and which of its versions in this conversation. */

import { computed, signal } from "@preact/signals";
import { isOpen } from "../generations";
import { fencesOf } from "../markdown";
import { answerOf } from "../stream";
import { shown, shownId } from "../talk/shown";
import { type Kind, kindOf } from "./kinds";

interface Previewed {
  conversationId: string | null;
  kind: Kind;
  text: string;
}

export const previewed = signal<Previewed | null>(null);
/** Who opened it gets the focus back. */
let opener: HTMLElement | null = null;

/** Nothing else than what belongs to the conversation on the screen. */
export const visible = computed(() => {
  const now = previewed.value;
  return now !== null && now.conversationId === shownId.value ? now : null;
});

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

export function openPreview(language: string, text: string, button: HTMLElement): void {
  const kind = kindOf(language, text);
  if (kind !== null) {
    opener = button;
    previewed.value = { conversationId: shownId.peek(), kind, text };
  }
}

export function turnTo(text: string): void {
  const now = previewed.peek();
  if (now !== null) {
    previewed.value = { ...now, text };
  }
}

export function closePreview(): void {
  previewed.value = null;
  if (opener?.isConnected) {
    opener.focus();
  }
  opener = null;
}
