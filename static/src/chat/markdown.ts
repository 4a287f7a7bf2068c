/**
 * The only place where text of people or models becomes page structure: Markdown with HTML off, then
 * sanitised, then made harmless where it could reach out (images, links) or mislead (bidi marks).
 */

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { codeFrame } from "./code";
import { readFormulas } from "./rendering/formulas";
import { showLargeTablesAsText, tableFrame } from "./rendering/table";
import { showTasks } from "./rendering/tasks";
import { t } from "./words";

export type Environment = Record<string, unknown>;

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
// Only what has a scheme becomes a link by itself: "readme.md" is a file, not a place in Moldova.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
readFormulas(markdown);
showLargeTablesAsText(markdown);
// Addresses are judged below, where they are seen as the browser will see them.
markdown.validateLink = () => true;

const SAFE_SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Each of them reads from its own side: an answer may mix Arabic and English line by line. */
const HAS_DIRECTION = "p, h1, h2, h3, h4, h5, h6, ul, ol, li, blockquote, th, td";

const ALLOWED_TAGS = [
  ..."a abbr b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong span".split(
    " ",
  ),
  ..."sub sup table tbody td th thead tr ul".split(" "),
];

// Nothing is fetched from elsewhere because an answer says so: an image is a link to it.
markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const safe = (value: unknown): string => markdown.utils.escapeHtml(String(value ?? ""));
  const words = token?.content || t("Image");
  return `<a class="image-link" href="${safe(token?.attrGet("src"))}">${safe(words)}</a>`;
};
// Alignment comes as a style attribute, which the content policy refuses.
for (const cell of ["th_open", "td_open"]) {
  markdown.renderer.rules[cell] = (tokens, index, options, _environment, renderer) => {
    const token = tokens[index];
    const side = /^text-align:(left|right|center)$/.exec(
      String(token?.attrGet("style") ?? ""),
    )?.[1];
    if (token !== undefined) {
      token.attrs = side === undefined ? null : [["class", `align-${side}`]];
    }
    return renderer.renderToken(tokens, index, options);
  };
}

export interface Block {
  /** First and one past the last line of the source. */
  from: number;
  to: number;
  isFence: boolean;
}

/** Where the top-level blocks of this source lie. */
export function blocksOf(source: string, environment: Environment): Block[] {
  return markdown
    .parse(source, environment)
    .filter((token) => token.level === 0 && token.nesting >= 0 && token.map !== null)
    .map((token) => ({
      from: token.map?.[0] ?? 0,
      to: token.map?.[1] ?? 0,
      isFence: token.type === "fence",
    }));
}

/** Markdown as a piece of page, safe to show, whatever the text was and wherever it was cut. */
export function rendered(source: string, environment: Environment = {}): DocumentFragment {
  const fragment = sanitised(markdown.render(source, environment));
  showTasks(fragment);
  for (const table of fragment.querySelectorAll("table")) {
    table.replaceWith(tableFrame(table));
  }
  for (const link of fragment.querySelectorAll("a")) {
    disarm(link);
  }
  for (const code of fragment.querySelectorAll("code")) {
    markBidi(code);
  }
  for (const pre of fragment.querySelectorAll("pre")) {
    pre.replaceWith(codeFrame(pre));
  }
  for (const block of fragment.querySelectorAll(HAS_DIRECTION)) {
    block.setAttribute("dir", "auto");
  }
  return fragment;
}

/** The blocks of code in a text, with the first word after their fences. */
export function fencesOf(source: string): { language: string; text: string }[] {
  return markdown
    .parse(source, {})
    .filter((token) => token.type === "fence")
    .map((token) => ({
      language: token.info.trim().split(/\s+/)[0]?.toLowerCase() ?? "",
      text: token.content,
    }));
}

/** Coloured code: the highlighter's markup is treated like anybody's. */
export function sanitised(markup: string): DocumentFragment {
  return DOMPurify.sanitize(markup, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ["href", "title", "class", "start"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

export function markBidi(inside: Element): void {
  const walker = document.createTreeWalker(inside, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (BIDI.test((node as Text).data)) {
      found.push(node as Text);
    }
  }
  for (const text of found) {
    const parts = text.data.split(/([\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])/);
    text.replaceWith(
      ...parts.filter(Boolean).map((part) => (BIDI.test(part) ? bidiMark(part) : part)),
    );
  }
}

function bidiMark(character: string): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "bidi-mark";
  const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0") ?? "";
  mark.dataset.code = `U+${code}`;
  mark.title = t("A hidden character that changes the direction of text");
  mark.textContent = character;
  return mark;
}

function disarm(link: HTMLAnchorElement): void {
  if (link.textContent === "") {
    link.remove();
    return;
  }
  const address = safeAddress(link.getAttribute("href") ?? "");
  if (address === null) {
    const text = document.createElement("span");
    text.append(...link.childNodes);
    link.replaceWith(text);
    return;
  }
  link.setAttribute("href", address);
  link.setAttribute("rel", "noopener noreferrer nofollow");
  link.setAttribute("target", "_blank");
  if (!link.title) {
    link.title = address;
  }
}

function safeAddress(text: string): string | null {
  try {
    // No base: what is not absolute would lead into the portal itself.
    const address = new URL(text);
    return SAFE_SCHEMES.has(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}
