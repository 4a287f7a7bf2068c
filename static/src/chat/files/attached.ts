/** What is attached to the question that is being written, by conversation. Kept over a reload. */

import { computed, signal } from "@preact/signals";
import { newKey } from "../keys";
import * as memory from "../memory";
import { personId } from "../page";
import { offered, pickedModel } from "../session";
import { shownId } from "../talk/shown";
import { type Attachment, hindranceOf, tokensOfFiles } from "./fitness";
import { type FileFrame, isWhole } from "./frames";

/** "" is the conversation that is not begun yet. */
type Place = string;

/** Of the places that were changed on this page; the others are as they were left. */
const changed = signal<Record<Place, Attachment[]>>({});

export const attached = computed(() => attachedIn(shownId.value ?? ""));

/** What is there and can be counted on. */
const arrived = computed(() =>
  attached.value.flatMap((each) => (each.file === null ? [] : [each.file])),
);

export const attachedTokens = computed(() => tokensOfFiles(arrived.value));

export const canSee = computed(
  () => pickedModel.value === null || pickedModel.value.capabilities.includes("vision"),
);

/** A model to pick instead. */
export const seeing = computed(
  () =>
    offered.value.find((model) => !model.is_checking && model.capabilities.includes("vision")) ??
    null,
);

/** Why a question with these cannot be sent now; "" when it can. */
export const hindrance = computed(() => hindranceOf(attached.value, canSee.value));

export function attachedIn(place: Place): Attachment[] {
  return changed.value[place] ?? recalled(place);
}

/** Adds them to the question; how they travel is `travelling.ts`'s. */
export function add(place: Place, added: readonly Attachment[]): void {
  keep(place, [...attachedIn(place), ...added]);
}

/** Changes one wherever it is attached; without `to` it goes. */
export function change(
  isMeant: (each: Attachment) => boolean,
  to: (each: Attachment) => Attachment | null,
): void {
  const places = new Set([...Object.keys(changed.peek()), shownId.peek() ?? ""]);
  for (const place of places) {
    const all = attachedIn(place);
    if (all.some(isMeant)) {
      keep(
        place,
        all.flatMap((each) => (isMeant(each) ? (to(each) ?? []) : [each])),
      );
    }
  }
}

/** They travel with the question now. */
export function taken(place: Place): FileFrame[] {
  const files = arrived.peek();
  keep(place, []);
  return files;
}

/** A question came back: so do its files, in front of what was added meanwhile. */
export function giveBack(place: Place, files: readonly FileFrame[]): void {
  const now = attachedIn(place);
  const known = new Set(now.map((each) => each.file?.id));
  const missing = files.filter((file) => !known.has(file.id));
  if (missing.length > 0) {
    keep(place, [...missing.map(asAttachment), ...now]);
  }
}

function keep(place: Place, all: Attachment[]): void {
  changed.value = { ...changed.peek(), [place]: all };
  const files = all.flatMap((each) => each.file ?? []);
  memory.write(nameOf(place), files.length === 0 ? "" : JSON.stringify(files));
}

function recalled(place: Place): Attachment[] {
  try {
    const kept: unknown = JSON.parse(memory.read(nameOf(place)) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isWhole).map(asAttachment) : [];
  } catch {
    return [];
  }
}

function asAttachment(file: FileFrame): Attachment {
  const { id, name, size_bytes: sizeBytes } = file;
  return { key: `${id} ${newKey()}`, name, sizeBytes, progress: 1, file, refusal: "" };
}

function nameOf(place: Place): string {
  return `files.${personId}.${place}`;
}
