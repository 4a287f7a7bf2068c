/** What is shown beside the chat: a document of some kind. Its other versions: versions.ts. */

import { computed, signal } from "@preact/signals";
import { shownId } from "../talk/shown";
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
