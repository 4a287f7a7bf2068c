/** The frame around a table: it scrolls by itself, and its cells can be taken along. Not for its cells. */

import type MarkdownIt from "markdown-it";
import { button } from "../code";
import { t } from "../words";

export function tableFrame(table: HTMLTableElement): HTMLElement {
  const frame = document.createElement("div");
  frame.className = "table-frame";
  const box = document.createElement("div");
  box.className = "table-box";
  box.tabIndex = 0;
  // Not a region: an answer may hold twenty, and each would be a landmark of the page.
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", t("Table"));
  box.append(table.cloneNode(true));
  const tools = document.createElement("div");
  tools.className = "table-tools";
  tools.append(button("copy-tsv", t("Copy table")), button("copy-csv", t("Copy as CSV")));
  frame.append(box, tools);
  return frame;
}

/** Past so many cells a table is shown as it was written: laying it out would freeze the page (threat D6). */
export const MAX_CELLS = 4_000;
const UNDER_THE_HEAD = /^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/** Also of a few bytes: each row gets as many cells as the head has, however short it is. */
export function showLargeTablesAsText(markdown: InstanceType<typeof MarkdownIt>): void {
  markdown.block.ruler.before(
    "table",
    "large_table",
    (state, startLine, endLine, silent) => {
      const lineAt = (line: number): string =>
        state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]);
      if (startLine + 1 >= endLine || !UNDER_THE_HEAD.test(lineAt(startLine + 1))) {
        return false;
      }
      let end = startLine + 2;
      while (end < endLine && !state.isEmpty(end)) {
        end += 1;
      }
      const columns = lineAt(startLine + 1).match(/-+/g)?.length ?? 0;
      if (columns * (end - startLine) <= MAX_CELLS || !lineAt(startLine).includes("|")) {
        return false;
      }
      if (!silent) {
        const token = state.push("code_block", "code", 0);
        token.content = state.getLines(startLine, end, state.blkIndent, true);
        token.map = [startLine, end];
        state.line = end;
      }
      return true;
    },
    { alt: ["paragraph", "reference"] },
  );
}
