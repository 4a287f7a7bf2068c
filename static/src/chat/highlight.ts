/** Colours finished code blocks, with a highlighter that is fetched when the first one appears. */

import { MAX_HIGHLIGHTED_CHARS } from "./code";
import { markBidi, sanitised } from "./markdown";
import { isNumbered, number } from "./rendering/lines";

/** So long at a stretch; then keys and clicks have their turn (threat D6). */
const STRETCH_MS = 8;

/** Colours each block of code below `inside` once. Leaves it plain when anything goes wrong. */
export async function highlightAll(inside: ParentNode): Promise<void> {
  const blocks = [...inside.querySelectorAll<HTMLElement>("code[data-language]:not(.coloured)")];
  if (blocks.length === 0) {
    return;
  }
  try {
    const { coloured } = await import("./languages");
    let until = performance.now() + STRETCH_MS;
    for (const block of blocks) {
      if (performance.now() > until) {
        await new Promise((resolve) => setTimeout(resolve));
        until = performance.now() + STRETCH_MS;
      }
      colour(block, coloured);
    }
  } catch {
    // Offline, or an old page after an upgrade: plain code is good code.
  }
}

function colour(
  block: HTMLElement,
  coloured: (source: string, language: string) => string | null,
): void {
  const source = block.textContent ?? "";
  const language = block.dataset.language ?? "";
  if (source.length > MAX_HIGHLIGHTED_CHARS || block.classList.contains("coloured")) {
    return;
  }
  const markup = coloured(source, language);
  if (markup !== null) {
    block.replaceChildren(sanitised(markup));
    markBidi(block);
  }
  block.classList.add("coloured");
  if (isNumbered(block)) {
    number(block);
  }
}
