/** Whether a text has all the words that somebody looks for, in any order. */

export function matches(text: string, wanted: string): boolean {
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
