/** What the buttons in an answer's text do. They are met on the way up, since the text is redrawn. */

import { copy } from "../copying";
import { t } from "../words";
import { asCsv, asTsv, type Rows } from "./cells";
import { number } from "./lines";
import { openPreview } from "./previewed";

const COPIED_FOR_MS = 1600;

export function pressed(event: MouseEvent): void {
  const button = event.target;
  if (!(button instanceof HTMLButtonElement)) {
    return;
  }
  const code = button.closest("figure")?.querySelector<HTMLElement>("code") ?? null;
  switch (button.dataset.act) {
    case "copy-code":
      void copyAndSay(button, code?.textContent ?? "");
      break;
    case "copy-csv":
      void copyAndSay(button, asCsv(rowsOf(button)));
      break;
    case "copy-tsv":
      void copyAndSay(button, asTsv(rowsOf(button)));
      break;
    case "wrap":
      toggle(button, "wrapped");
      break;
    case "source":
      toggle(button, "as-source");
      break;
    case "number":
      toggle(button, "numbered");
      if (code !== null && code.querySelector(".line") === null) {
        number(code);
      }
      break;
    case "preview":
      openPreview(code?.dataset.language ?? "", code?.textContent ?? "", button);
      break;
  }
}

async function copyAndSay(button: HTMLButtonElement, text: string): Promise<void> {
  const words = button.textContent;
  if (button.dataset.copied === undefined && (await copy(text))) {
    button.dataset.copied = "";
    button.textContent = t("Copied");
    window.setTimeout(() => {
      button.textContent = words;
      delete button.dataset.copied;
    }, COPIED_FOR_MS);
  }
}

function toggle(button: HTMLButtonElement, name: string): void {
  const isNow = button.closest("figure")?.classList.toggle(name) ?? false;
  button.setAttribute("aria-pressed", String(isNow));
}

function rowsOf(button: HTMLButtonElement): Rows {
  const rows = button.closest(".table-frame")?.querySelectorAll("tr") ?? [];
  return [...rows].map((row) => [...row.cells].map(textOf));
}

/** Formulas are taken along as they were written. */
function textOf(cell: HTMLElement): string {
  const copied = cell.cloneNode(true) as HTMLElement;
  for (const formula of copied.querySelectorAll<HTMLElement>("[data-drawn]")) {
    formula.textContent = formula.dataset.drawn ?? "";
  }
  return copied.textContent ?? "";
}
