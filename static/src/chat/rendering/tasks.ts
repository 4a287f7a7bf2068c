/** Lists of what is to be done: `[ ]` and `[x]` at the beginning of an entry. Not for other marks of lists. */

import { t } from "../words";

const MARK = /^\[([ xX])\][ \t]+/;

/** A box, ticked or not, in the place of its letters. It is read, copied and printed; it cannot be pressed. */
export function showTasks(inside: ParentNode): void {
  for (const item of inside.querySelectorAll("li")) {
    const first = (item.querySelector(":scope > p:first-child") ?? item).firstChild;
    const found = first instanceof Text ? MARK.exec(first.data) : null;
    if (first instanceof Text && found !== null) {
      const isDone = found[1] !== " ";
      first.data = first.data.slice(found[0].length);
      first.before(box(isDone));
      item.classList.add("task");
    }
  }
}

function box(isDone: boolean): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "task-mark";
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", isDone ? t("Done") : t("To do"));
  mark.textContent = isDone ? "\u2611 " : "\u2610 ";
  return mark;
}
