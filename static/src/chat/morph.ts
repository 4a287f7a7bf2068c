/** Makes the children of one node like those of another, and touches only what differs. */

export function morph(target: Node, wanted: Node): void {
  let have = target.firstChild;
  let want = wanted.firstChild;
  while (want !== null) {
    const nextWant = want.nextSibling;
    if (have === null) {
      target.appendChild(want);
    } else {
      const nextHave = have.nextSibling;
      if (!isDrawn(have)) {
        alike(have, want) ? adopt(have, want) : target.replaceChild(want, have);
      } else if (!isDrawingOf(have, want)) {
        target.replaceChild(want, have);
      }
      have = nextHave;
    }
    want = nextWant;
  }
  while (have !== null) {
    const next = have.nextSibling;
    target.removeChild(have);
    have = next;
  }
}

/** A formula that has become a picture (rendering/drawing.ts). */
function isDrawn(have: Node): have is HTMLElement {
  return have instanceof HTMLElement && have.dataset.drawn !== undefined;
}

function isDrawingOf(have: HTMLElement, want: Node): boolean {
  const isFormula = want instanceof HTMLElement && want.classList.contains("formula");
  return isFormula && have.dataset.drawn === want.textContent;
}

function alike(have: Node, want: Node): boolean {
  return have.nodeType === want.nodeType && have.nodeName === want.nodeName;
}

function adopt(have: Node, want: Node): void {
  if (have instanceof Text && want instanceof Text) {
    if (want.data.startsWith(have.data)) {
      // The usual case: the text has grown. What a person selected stays selected.
      if (want.data.length > have.data.length) {
        have.appendData(want.data.slice(have.data.length));
      }
    } else {
      have.data = want.data;
    }
    return;
  }
  if (have instanceof Element && want instanceof Element) {
    adoptAttributes(have, want);
  }
  morph(have, want);
}

function adoptAttributes(have: Element, want: Element): void {
  for (const { name } of [...have.attributes]) {
    if (!want.hasAttribute(name)) {
      have.removeAttribute(name);
    }
  }
  for (const { name, value } of want.attributes) {
    if (have.getAttribute(name) !== value) {
      have.setAttribute(name, value);
    }
  }
}
