/** What an isolated frame is given to show, and under which name it is saved. */

import { rendered } from "../markdown";
import type { Isolation } from "./isolated";
import type { Kind } from "./kinds";

const HEAD = '<!doctype html><html><head><meta charset="utf-8">';
const PLAIN = `${HEAD}<style>
body { margin: 1.5rem; font: 1rem/1.6 system-ui, sans-serif; color: #24231f; background: #fff }
svg, img { max-width: 100%; height: auto }
pre { padding: 1rem; overflow: auto; background: #f5f2eb } button, figcaption { display: none }
table { border-collapse: collapse } th, td { padding: .4rem .8rem; border: 1px solid #e3ded2 }
</style></head><body>`;

export function documentOf(kind: Kind, text: string): { isolation: Isolation; text: string } {
  switch (kind) {
    case "html":
      return { isolation: "live", text };
    case "markdown":
      return { isolation: "still", text: PLAIN + asMarkup(text) };
    default:
      return { isolation: "still", text: PLAIN + text };
  }
}

/** Rendered as an answer would be, then written down for a document that can run nothing. */
function asMarkup(text: string): string {
  return new XMLSerializer().serializeToString(rendered(text));
}

const FILES: Record<Kind, readonly [string, string]> = {
  html: ["html", "text/html"],
  svg: ["svg", "image/svg+xml"],
  markdown: ["md", "text/markdown"],
  mermaid: ["svg", "image/svg+xml"],
};

export function save(kind: Kind, version: number, text: string): void {
  const [ending, type] = FILES[kind];
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `preview-${version}.${ending}`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address));
}
