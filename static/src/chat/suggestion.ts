/** A text that a starter puts into the composer. */

import { signal } from "@preact/signals";

export const suggestion = signal<{ text: string } | null>(null);

export function suggest(text: string): void {
  suggestion.value = { text };
}
