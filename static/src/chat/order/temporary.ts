/** Conversations that leave nothing: begun, kept after all, and ended as soon as they are left. */

import { computed, effect } from "@preact/signals";
import * as address from "../address";
import { conversations, takeConversation } from "../conversations";
import { leaveNothing } from "../files/travelling";
import { ask } from "../socket";
import { open, shownId } from "../talk/shown";
import type { TemporaryReply } from "./frames";

/** The one that is shown, if it is one. */
export const temporaryId = computed<string | null>(() => {
  const id = address.sharedId.value === null ? shownId.value : null;
  const found = conversations.value.find((each) => each.id === id);
  return found?.is_temporary === true ? found.id : null;
});

export async function beginTemporary(): Promise<void> {
  const reply = (await ask("temporary.begin", {}, { isRepeated: false })) as TemporaryReply;
  takeConversation(reply.conversation);
  open(reply.conversation.id);
}

export async function keepTemporary(id: string): Promise<void> {
  const reply = (await ask("temporary.keep", { conversation_id: id })) as TemporaryReply;
  takeConversation(reply.conversation);
}

/** From now on. A tab that is closed says nothing: then the portal ends it after an hour. */
export function endWhenLeft(): void {
  let last: string | null = null;
  effect(() => {
    const now = temporaryId.value;
    const left = last;
    last = now;
    if (left !== null && left !== now && isStillTemporary(left)) {
      conversations.value = conversations.peek().filter((each) => each.id !== left);
      leaveNothing(left);
      ask("temporary.end", { conversation_id: left }).catch(() => undefined);
    }
  });
}

function isStillTemporary(id: string): boolean {
  return conversations.peek().some((each) => each.id === id && each.is_temporary);
}
