/** The frame around a code block: its language, and a button that copies it. Highlights nothing. */

import { t } from "./words";

/** Past this many characters code is shown plain: colouring would freeze the page. */
export const MAX_HIGHLIGHTED_CHARS = 60_000;

export function codeFrame(pre: HTMLPreElement): HTMLElement {
  const code = pre.querySelector("code");
  const language = languageOf(code);
  const figure = document.createElement("figure");
  figure.className = "code";
  figure.dir = "ltr";
  const caption = document.createElement("figcaption");
  const label = document.createElement("span");
  label.textContent = language || t("Text");
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "quiet";
  copy.dataset.copy = "code";
  copy.textContent = t("Copy code");
  caption.append(label, copy);
  const body = document.createElement("pre");
  body.tabIndex = 0;
  const text = document.createElement("code");
  if (language) {
    text.dataset.language = language;
  }
  text.append(...(code ?? pre).childNodes);
  body.append(text);
  figure.append(caption, body);
  return figure;
}

function languageOf(code: Element | null): string {
  const found = /(?:^|\s)language-([\w+#.-]{1,30})/.exec(code?.className ?? "");
  return found?.[1]?.toLowerCase() ?? "";
}
