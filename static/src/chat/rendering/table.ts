/** The frame around a table: it scrolls by itself, and its cells can be taken along. */

import { button } from "../code";
import { t } from "../words";

export function tableFrame(table: HTMLTableElement): HTMLElement {
  const frame = document.createElement("div");
  frame.className = "table-frame";
  const box = document.createElement("div");
  box.className = "table-box";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", t("Table"));
  box.append(table.cloneNode(true));
  const tools = document.createElement("div");
  tools.className = "table-tools";
  tools.append(button("copy-tsv", t("Copy table")), button("copy-csv", t("Copy as CSV")));
  frame.append(box, tools);
  return frame;
}
