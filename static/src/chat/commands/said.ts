/** What a command answered, until it is dismissed. One at a time. */

import { signal } from "@preact/signals";

export interface Said {
  text: string;
  /** Lines that must stay as they are. */
  isPlain: boolean;
  isWrong: boolean;
}

export const said = signal<Said | null>(null);

export function say(text: string, { isPlain = false, isWrong = false } = {}): void {
  said.value = text === "" ? null : { text, isPlain, isWrong };
}
