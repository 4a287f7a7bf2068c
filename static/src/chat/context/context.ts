/** The model's view of the shown conversation, read again whenever an answer has ended. */

import { computed, effect, signal } from "@preact/signals";
import { attachedTokens } from "../files/attached";
import { runningId } from "../sending";
import { pickedModel } from "../session";
import { ask } from "../socket";
import { shown, shownId } from "../talk/shown";
import type { ContextReply } from "./frames";
import { type Fill, fillOf, tokensOf } from "./meter";

const LOOK_AFTER_MS = 120;

const known = signal<ContextReply | null>(null);
/** What stands in the composer. */
export const draftText = signal("");

export const context = computed(() =>
  known.value?.conversation_id === shownId.value ? known.value : null,
);

export const fill = computed<Fill>(() => {
  const now = context.value;
  const window = now?.window_tokens ?? pickedModel.value?.context_length ?? 0;
  const draft = tokensOf(draftText.value, now?.chars_a_token ?? 0);
  return fillOf(window, usedBy(now), draft, attachedTokens.value);
});

/** A cut behind the newest answer: nothing of before is read again. */
function usedBy(now: ContextReply | null): number {
  return now === null || isAllHidden(now) ? 0 : now.used_tokens;
}

export function isAllHidden(now: ContextReply): boolean {
  return now.because !== "" && now.begins_with === null;
}

export function clear(): Promise<unknown> {
  return ask("context.clear", { conversation_id: shownId.peek() });
}

export function restore(generationId: string): Promise<unknown> {
  return ask("context.restore", { generation_id: generationId });
}

export function follow(): () => void {
  let timer: number | undefined;
  return effect(() => {
    // Whatever is read again, ends, or would answer next may change the view.
    const id = shown.value.is === "open" ? shown.value.id : null;
    const model = pickedModel.value?.name;
    window.clearTimeout(timer);
    if (id !== null && model !== undefined && runningId.value === null) {
      timer = window.setTimeout(() => void look(id, model), LOOK_AFTER_MS);
    }
  });
}

async function look(conversation_id: string, model_name: string): Promise<void> {
  try {
    const reply = await ask("context.look", { conversation_id, model_name }, { isRepeated: false });
    known.value = reply as ContextReply;
  } catch {
    // Not known now; the next answer's end asks again.
  }
}
