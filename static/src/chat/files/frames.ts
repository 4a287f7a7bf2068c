/** A file as the server tells of it. Part of the closed list in `../frames.ts`. */

export interface FileFrame {
  id: string;
  name: string;
  kind: "image" | "document";
  media_type: string;
  size_bytes: number;
  state: "reading" | "ready" | "refused";
  /** Why it was refused; empty when it was not. */
  sentence: string;
  /** Of a document's text, about; null as long as nobody has read it. */
  tokens: number | null;
  /** Of a picture. */
  width: number | null;
  height: number | null;
}

/** One of this person's files has changed, in whatever tab it was added. */
export interface FileChanged {
  type: "file.changed";
  file: FileFrame;
}

export const FILE_PUSHES = ["file.changed"] as const;

export const ADDRESS = "/page/files/";

/** Where the browser gets it: a picture to show, a document to save. */
export function contentOf(file: FileFrame): string {
  return `${ADDRESS}${encodeURIComponent(file.id)}/content`;
}

/** What a reply or the storage gave, if it is a file. */
export function isWhole(told: unknown): told is FileFrame {
  return (
    typeof told === "object" &&
    told !== null &&
    ["id", "name", "kind", "state"].every(
      (name) => typeof (told as Record<string, unknown>)[name] === "string",
    )
  );
}
