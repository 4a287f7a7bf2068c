/** Pure: the gaps of a prompt template, such as {{topic}} or {{language:English}}. */

export interface Gap {
  name: string;
  /** What is there unless something else is written. */
  usual: string;
}

const GAP = /\{\{\s*([^{}:\n]{1,60}?)\s*(?::([^{}\n]{0,400}))?\}\}/g;

/** Each once, in the order of the text. */
export function gapsOf(text: string): Gap[] {
  const found = new Map<string, Gap>();
  for (const [, name = "", usual = ""] of text.matchAll(GAP)) {
    if (!found.has(name)) {
      found.set(name, { name, usual: usual.trim() });
    }
  }
  return [...found.values()];
}

/** The text with its gaps filled; one that nothing was written for keeps what is usual there. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(GAP, (_whole, name: string, usual = "") => {
    const value = values[name] ?? "";
    return value === "" ? usual.trim() : value;
  });
}
