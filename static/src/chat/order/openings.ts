/** Which panel of order is open, and which conversations are picked for doing something at once. */

import { signal } from "@preact/signals";

export type Panel =
  | { is: "search" }
  | { is: "archive" }
  | { is: "import" }
  | { is: "move"; ids: string[] }
  | { is: "share"; id: string; title: string };

export const panel = signal<Panel | null>(null);

export function closePanel(): void {
  panel.value = null;
}

/** Null while nobody picks. */
export const picked = signal<ReadonlySet<string> | null>(null);
/** Where the name of a new folder is written. */
export const isNamingFolder = signal(false);

export function togglePicked(id: string): void {
  const next = new Set(picked.peek() ?? []);
  if (!next.delete(id)) {
    next.add(id);
  }
  picked.value = next;
}

export function stopPicking(): void {
  picked.value = null;
}
