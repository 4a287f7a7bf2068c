/** Puts each line of a code block into an element of its own, so that CSS can count them. */

export function isNumbered(code: Element): boolean {
  return code.closest("figure")?.classList.contains("numbered") ?? false;
}

/** The text stays the same to the character: what is copied has no numbers. */
export function number(code: HTMLElement): void {
  const lines: HTMLElement[] = [];
  let line = newLine(lines);
  for (const piece of pieces(code)) {
    for (const part of piece.textContent?.split(/(?<=\n)/) ?? []) {
      line.append(alike(piece, part));
      if (part.endsWith("\n")) {
        line = newLine(lines);
      }
    }
  }
  if (line.textContent === "") {
    lines.pop();
  }
  code.replaceChildren(...lines);
}

function newLine(lines: HTMLElement[]): HTMLElement {
  const line = document.createElement("span");
  line.className = "line";
  lines.push(line);
  return line;
}

/** Runs of text with one colour, and the marks of hidden characters. */
function pieces(code: HTMLElement): Node[] {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const found: Node[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    found.push(node);
  }
  return found;
}

function alike(text: Node, part: string): Node {
  const parent = text.parentElement;
  const isPlain = parent === null || parent.matches("code, .line");
  if (isPlain) {
    return document.createTextNode(part);
  }
  const copied = parent.cloneNode(false);
  copied.textContent = part;
  return copied;
}
