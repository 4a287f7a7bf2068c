/** The frame around a code block: its language, and what can be done with it. Highlights nothing. */

import { kindOf } from "./rendering/kinds";
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
  const tools = document.createElement("span");
  tools.className = "code-tools";
  if (kindOf(language, code?.textContent ?? "") !== null) {
    tools.append(button("preview", t("Preview")));
  }
  tools.append(
    toggle("wrap", t("Wrap lines")),
    toggle("number", t("Line numbers")),
    button("copy-code", t("Copy code")),
  );
  caption.append(label, tools);
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

/** What it does is in rendering/pressed.ts: its frame is drawn again and again while a text grows. */
export function button(act: string, words: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.dataset.act = act;
  made.textContent = words;
  return made;
}

function toggle(act: string, words: string): HTMLButtonElement {
  const made = button(act, words);
  made.classList.add("toggle");
  made.setAttribute("aria-pressed", "false");
  return made;
}

function languageOf(code: Element | null): string {
  const found = /(?:^|\s)language-([\w+#.-]{1,30})/.exec(code?.className ?? "");
  return found?.[1]?.toLowerCase() ?? "";
}
