/** Pure: rows of cells as text for spreadsheets. A cell that would compute there is kept still (threat D9). */

export type Rows = readonly (readonly string[])[];

const COMPUTES = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?\d[\d.,\s]*%?$/;

export function asCsv(rows: Rows): string {
  return rows.map((row) => row.map((cell) => quoted(still(cell))).join(",")).join("\r\n");
}

/** What spreadsheets take from the clipboard cell by cell. */
export function asTsv(rows: Rows): string {
  return rows
    .map((row) => row.map((cell) => still(cell.replace(/[\t\r\n]+/g, " ").trim())).join("\t"))
    .join("\n");
}

function still(cell: string): string {
  return COMPUTES.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
