/**
 * Blocks of code that are too long to be parsed and laid out at once: shown as they are, in stretches
 * of which the browser draws those that are in sight (threat D6). Not for usual ones: markdown.ts.
 */

import { codeFrame } from "../code";
import { markBidi } from "../markdown";
import { codeAt, wholeChars } from "./codeends";

const STRETCH_CHARS = 16_000;
/** While it grows: the browser lays out anew what the new words stand in. */
const GROWING_CHARS = 2_000;

/** The block of code at the start of `source`, whether it has ended or not. */
export function longCode(source: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const found = codeAt(source);
  if (found !== null) {
    const pre = document.createElement("pre");
    const code = pre.appendChild(document.createElement("code"));
    code.className = found.language === "" ? "" : `language-${found.language}`;
    code.append(...stretches(source.slice(found.from, found.to)));
    markBidi(code);
    const frame = codeFrame(pre);
    // A number for each of its lines is what the page is spared.
    frame.querySelector('[data-act="number"]')?.remove();
    fragment.append(frame);
  }
  return fragment;
}

/** Each ends with a line, where lines end at all. */
function stretches(text: string): HTMLElement[] {
  const made: HTMLElement[] = [];
  for (let at = 0; at < text.length; ) {
    const stretch = document.createElement("span");
    stretch.className = "stretch far";
    const line = text.lastIndexOf("\n", at + STRETCH_CHARS) + 1;
    const end = line > at ? line : wholeChars(text, at + STRETCH_CHARS);
    stretch.textContent = text.slice(at, end);
    made.push(stretch);
    at = end;
  }
  return made;
}

/** More of a block of code, to its last piece, or from a new line on in a new one. Nothing is moved. */
export function appendCode(code: HTMLElement, added: string): void {
  const last = code.lastElementChild;
  const piece = last?.classList.contains("stretch") ? last : code;
  const isLong = (piece.textContent?.length ?? 0) > GROWING_CHARS;
  const end = isLong ? added.indexOf("\n") + 1 : 0;
  appendText(piece, end > 0 ? added.slice(0, end) : added);
  if (end > 0) {
    const next = document.createElement("span");
    next.className = "stretch";
    appendText(next, added.slice(end));
    code.append(next);
  }
}

function appendText(piece: Element, text: string): void {
  if (piece.lastChild instanceof Text) {
    piece.lastChild.appendData(text);
  } else if (text !== "") {
    piece.append(text);
  }
}
