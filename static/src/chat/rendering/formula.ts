/** Draws one formula with KaTeX. A chunk of its own: loaded when the first formula is there. */

import katex from "katex";
import "katex/dist/katex.min.css";

const OPTIONS = {
  // No links, no images, no classes or styles of the writer's choice (threats D1, D3).
  trust: false,
  strict: "ignore",
  throwOnError: true,
  output: "htmlAndMathml",
  // A few short macros can be made to expand for hours, or to draw a kilometre (threat D6).
  maxExpand: 300,
  maxSize: 20,
} as const;
/** These two would write a style attribute, which the content policy refuses. */
const MACROS = { "\\pmb": "\\mathbf", "\\fcolorbox": "\\colorbox{#2}{#3}" };

const TAGS = /^(?:span|svg|path|line|math|semantics|annotation|m[a-z]+)$/;
const REACHING = /^(?:on|src|href|xlink|formaction|id$|name$)/i;

/** False when it cannot be drawn, or would bring what no formula needs; then it stays text. */
export function drawInto(place: HTMLElement, tex: string, isBlock: boolean): boolean {
  const drawn = document.createElement("span");
  try {
    // Macros are remembered from one formula to the next in the object given: so a new one each.
    katex.render(tex, drawn, { ...OPTIONS, macros: { ...MACROS }, displayMode: isBlock });
  } catch {
    return false;
  }
  for (const element of drawn.querySelectorAll("*")) {
    const isKnown = TAGS.test(element.localName);
    if (!isKnown || [...element.attributes].some(({ name }) => REACHING.test(name))) {
      return false;
    }
  }
  place.replaceChildren(...drawn.childNodes);
  return true;
}
