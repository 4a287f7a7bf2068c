/** Pure: whether what is attached can be sent to a model, how much room it takes, and how it is called. */

import type { FileFrame } from "./frames";

/** Models differ; most of those that see take between 250 and 1,500 for a picture. */
const PICTURE_TOKENS = 750;
/** The name and the marks around a document. */
const FRAME_TOKENS = 40;

/** Something that a person adds to her question, from the moment she chose it. */
export interface Attachment {
  /** Of this page; the server has its own. */
  readonly key: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** How much of it has arrived, 0 to 1. */
  readonly progress: number;
  /** As the server knows it, once it is there. */
  readonly file: FileFrame | null;
  /** Why it did not arrive. */
  readonly refusal: string;
}

/** What keeps a question with these from being sent. */
export type Hindrance = "" | "refused" | "unseen" | "travelling" | "reading";

type Known = Pick<Attachment, "file" | "refusal">;

export function hindranceOf(all: readonly Known[], canSee: boolean): Hindrance {
  if (all.some((each) => each.refusal !== "" || each.file?.state === "refused")) {
    return "refused";
  }
  if (!canSee && all.some((each) => each.file?.kind === "image")) {
    return "unseen";
  }
  if (all.some((each) => each.file === null)) {
    return "travelling";
  }
  return all.some((each) => each.file?.state === "reading") ? "reading" : "";
}

export function tokensOfFile(file: FileFrame): number {
  if (file.state === "refused") {
    return 0;
  }
  return file.kind === "image" ? PICTURE_TOKENS : (file.tokens ?? 0) + FRAME_TOKENS;
}

export function tokensOfFiles(files: readonly FileFrame[]): number {
  return files.reduce((sum, file) => sum + tokensOfFile(file), 0);
}

/** Not even by itself: no part of a document is left out in silence. */
export function isTooLong(file: FileFrame, window: number): boolean {
  return window > 0 && file.kind === "document" && tokensOfFile(file) >= window;
}

/** The ending of its name, as people call a kind of file; "" where it has none. */
export function endingOf(name: string): string {
  const ending = /\.([\p{L}\p{N}]{1,5})$/u.exec(name)?.[1] ?? "";
  return ending.toUpperCase();
}

/**
 * Whether what was copied is nothing but files. A table program copies a picture of its cells beside
 * their text, and then the text is meant; a file manager copies names and addresses beside the files.
 */
export function isOnlyFiles(text: string, names: readonly string[]): boolean {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.every((line) => {
    const last = line.trim().split(/[/\\]/).at(-1) ?? "";
    return names.some((name) => name === last || encodeURIComponent(name) === last);
  });
}
