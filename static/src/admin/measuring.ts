/** The button that measures a model: each stage as it is done. Leaving the page ends it. */

import { answered, named, rowOf } from "./lines";

export function measuring(form: HTMLFormElement): void {
  const part = form.closest("section") ?? document;
  const button = named<HTMLButtonElement>(form, "send");
  const told = named<HTMLElement>(form, "told");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) {
      return;
    }
    button.disabled = true;
    told.textContent = form.dataset.working ?? "";
    const rows = named<HTMLElement>(part, "rows");
    let last = form.dataset.away ?? "";
    try {
      rows.replaceChildren();
      for await (const line of answered(form, { signal: new AbortController().signal })) {
        if (line.is === "stage") {
          named(part, "speeds").hidden = false;
          rows.append(rowOf(line.row ?? []));
        } else {
          last = line.is === "done" ? (form.dataset.done ?? "") : (line.sentence ?? "");
          named(part, "when").hidden = line.is === "done";
        }
      }
    } catch {
      // `last` says it already.
    }
    told.textContent = last;
    button.disabled = false;
  });
}
