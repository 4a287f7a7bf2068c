/** Which of the panels that are loaded when first opened are open. */

import { signal } from "@preact/signals";
import type { Template } from "./frames";

export const isSheetOpen = signal(false);
export const isCheatSheetOpen = signal(false);
/** The template whose gaps are being filled. */
export const filling = signal<Template | null>(null);
