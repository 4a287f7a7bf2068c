/**
 * What draws answers, more than half of all the scripts: fetched beside the start, since nobody needs
 * it before there is an answer. Draws nothing itself.
 */

import { signal } from "@preact/signals";
import type { GrowingText } from "./growing";

export const drawer = signal<typeof GrowingText | null>(null);
/** It could not be fetched: answers are plain text until the next attempt. */
export const isPlain = signal(false);

let underway: Promise<void> | null = null;

/** Resolves once it is there or known not to come. After that, another call is another attempt. */
export function fetchDrawer(): Promise<void> {
  underway ??= fetched();
  return underway;
}

async function fetched(): Promise<void> {
  try {
    drawer.value = (await import("./growing")).GrowingText;
    isPlain.value = false;
  } catch {
    isPlain.value = true;
    underway = null;
  }
}
