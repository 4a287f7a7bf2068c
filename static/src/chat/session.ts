/** Who is here, which models she may use, and which one is picked. */

import { computed, signal } from "@preact/signals";
import { conversations } from "./conversations";
import type { Model, Person, Welcome } from "./frames";
import * as memory from "./memory";
import { shownId } from "./talk/shown";

export const person = signal<Person | null>(null);
export const models = signal<Model[]>([]);
export const offered = computed(() => models.value.filter((model) => !model.is_retired));
export const choosable = computed(() => offered.value.filter((model) => !model.is_checking));
export const maxTextChars = signal(100_000);
/** How large a file may be, and how many go with one question; before the server said so, any. */
export const fileLimits = signal({ bytes: Number.POSITIVE_INFINITY, count: 10 });
export const isWelcome = signal(false);

/** Picked by hand, by conversation; "" is the new one. */
const picked = signal<Record<string, string>>({});

export function takeWelcome(welcome: Welcome): void {
  person.value = welcome.person;
  models.value = welcome.models;
  const { max_text_chars, max_file_bytes: bytes, max_files: count } = welcome.limits;
  maxTextChars.value = max_text_chars;
  fileLimits.value = { bytes, count };
  isWelcome.value = true;
}

/** What the conversation on the page asked last. */
const used = computed(
  () => conversations.value.find((each) => each.id === shownId.value)?.model_name,
);

/** The model of this conversation, if it has been retired since. */
export const retired = computed<Model | null>(
  () => models.value.find((model) => model.is_retired && model.name === used.value) ?? null,
);

/** Picked here; else what the conversation used last; else what the person used last; else any. */
export const pickedModel = computed<Model | null>(() => {
  const id = shownId.value ?? "";
  const instead = retired.value?.instead;
  const wishes = [picked.value[id], used.value, instead, memory.read("model")];
  for (const wish of wishes) {
    const found = choosable.value.find((model) => model.name === wish);
    if (found !== undefined) {
      return found;
    }
  }
  return choosable.value[0] ?? null;
});

export function pickModel(name: string): void {
  picked.value = { ...picked.peek(), [shownId.peek() ?? ""]: name };
  memory.write("model", name);
}

export function labelOf(modelName: string): string {
  return models.value.find((model) => model.name === modelName)?.label || modelName;
}
