/** The picture that is looked at in full; and which questions the model no longer reads. */

import { signal } from "@preact/signals";
import { context } from "../context/context";
import { shown } from "../talk/shown";
import type { FileFrame } from "./frames";

export const viewed = signal<FileFrame | null>(null);

export function isOutOfView(questionId: string): boolean {
  const now = context.value;
  if (now === null || now.because === "" || shown.value.is !== "open") {
    return false;
  }
  const ids = shown.value.questions.map((each) => each.id);
  const first = now.begins_with === null ? ids.length : ids.indexOf(now.begins_with);
  return ids.indexOf(questionId) < first;
}
