/** Pure: how large a file is, as people say it. */

import { language } from "../words";

export function sizeInWords(bytes: number): string {
  const isSmall = bytes < 1e6;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: isSmall ? "kilobyte" : "megabyte",
    maximumFractionDigits: isSmall ? 0 : 1,
  }).format(isSmall ? Math.max(1, bytes / 1e3) : bytes / 1e6);
}
