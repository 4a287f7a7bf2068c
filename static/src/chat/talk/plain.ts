/** What a drawn answer says, as plain text: for mails and forms that know no Markdown. */

const LEFT_OUT = new Set(["BUTTON", "FIGCAPTION", "STYLE", "SCRIPT"]);
const BLOCKS = new Set(
  "P DIV H1 H2 H3 H4 H5 H6 UL OL LI PRE FIGURE BLOCKQUOTE TABLE TR HR".split(" "),
);

export function plainText(prose: Element): string {
  return linesOf(prose)
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

function linesOf(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) {
    return isLayout(node as Text) ? "" : (node.textContent ?? "");
  }
  if (!(node instanceof Element) || LEFT_OUT.has(node.tagName)) {
    return "";
  }
  if (node instanceof HTMLElement && node.dataset.drawn !== undefined) {
    return node.dataset.drawn;
  }
  if (node.tagName === "BR") {
    return "\n";
  }
  const inside = [...node.childNodes].map(linesOf).join("");
  return BLOCKS.has(node.tagName) ? block(node, inside) : cell(node, inside);
}

function block(element: Element, inside: string): string {
  switch (element.tagName) {
    case "LI":
      return `${markOf(element)}${inside.trim()}\n`;
    case "TR":
      return `${inside.replace(/\t$/, "")}\n`;
    case "HR":
      return "\n\n";
    case "PRE":
      return `${inside.replace(/\n$/, "")}\n`;
    default:
      return `\n${inside}\n`;
  }
}

function cell(element: Element, inside: string): string {
  return element.tagName === "TD" || element.tagName === "TH" ? `${inside.trim()}\t` : inside;
}

function markOf(item: Element): string {
  const list = item.parentElement;
  if (!(list instanceof HTMLOListElement)) {
    return "- ";
  }
  return `${list.start + [...list.children].indexOf(item)}. `;
}

/** Line breaks between blocks that Markdown leaves in the page, and nobody sees. */
function isLayout(text: Text): boolean {
  return text.data.trim() === "" && text.data.includes("\n") && !text.parentElement?.closest("pre");
}
