/** The list of conversations, and what a person may do to them. Not the one that is shown. */

import { computed, signal } from "@preact/signals";
import type { ConversationFrame, ConversationsReply } from "./frames";
import { isRecent, sorted, withNewest } from "./order/standing";
import { ask, Refused } from "./socket";
import { shownId, startNew } from "./talk/shown";

export const conversations = signal<ConversationFrame[]>([]);
export const hasMore = signal(false);
export const shownTitle = computed(
  () => conversations.value.find((each) => each.id === shownId.value)?.title ?? "",
);

/** The newest page. What had been loaded below it stays, and so does what stands elsewhere. */
export function takeList(list: ConversationFrame[], more: boolean): void {
  const next = withNewest(conversations.peek(), list, more);
  const hadOlder = next.filter(isRecent).length > list.filter(isRecent).length;
  conversations.value = next;
  hasMore.value = hadOlder ? hasMore.peek() : more;
}

export async function rename(id: string, title: string): Promise<void> {
  const before = conversations.peek();
  conversations.value = before.map((each) => (each.id === id ? { ...each, title } : each));
  try {
    await ask("conversation.rename", { conversation_id: id, title });
  } catch (error) {
    conversations.value = before;
    throw error;
  }
}

export async function remove(id: string): Promise<void> {
  try {
    await ask("conversation.delete", { conversation_id: id });
  } catch (error) {
    // Deleted in another tab, or asked twice: it is gone either way.
    if (!(error instanceof Refused && error.refusal.code === "not-found")) {
      throw error;
    }
  }
  conversations.value = conversations.peek().filter((each) => each.id !== id);
  if (shownId.peek() === id) {
    startNew();
  }
}

export async function loadMore(): Promise<void> {
  const last = conversations.peek().filter(isRecent).at(-1);
  const before = last?.changed_at ?? null;
  const reply = (await ask("conversations.list", { before })) as ConversationsReply;
  const known = new Set(conversations.peek().map((each) => each.id));
  const older = reply.conversations.filter((each) => !known.has(each.id));
  conversations.value = sorted([...conversations.peek(), ...older]);
  hasMore.value = reply.more;
}

export async function refreshList(): Promise<void> {
  const reply = (await ask("conversations.list", { before: null })) as ConversationsReply;
  takeList(reply.conversations, reply.more);
}

export function takeConversation(conversation: ConversationFrame): void {
  const others = conversations.peek().filter((each) => each.id !== conversation.id);
  conversations.value = sorted([conversation, ...others]);
}
