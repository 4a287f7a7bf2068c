/** What this person likes on this device. Not for anything that an answer depends on. */

import { effect, type Signal, signal } from "@preact/signals";
import * as memory from "../memory";

/** Figures below each answer, without asking for them. */
export const isVerbose = kept("verbose", false);
/** Long lines of code are wrapped. */
export const isWrapped = kept("wrapped", false);
/** Arrow up in an empty composer brings back what was sent. */
export const hasHistory = kept("history", true);

effect(() => {
  if (typeof document !== "undefined") {
    document.documentElement.toggleAttribute("data-wrap", isWrapped.value);
  }
});

function kept(name: string, usual: boolean): Signal<boolean> {
  const word = typeof window === "undefined" ? null : memory.read(`likes.${name}`);
  const liked = signal(word === null ? usual : word === "yes");
  liked.subscribe((is) => {
    if (typeof window !== "undefined") {
      memory.write(`likes.${name}`, is === usual ? "" : is ? "yes" : "no");
    }
  });
  return liked;
}
