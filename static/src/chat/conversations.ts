/** The list, the conversation that is shown, and what a person may do to them. */

import { computed, signal } from "@preact/signals";
import * as address from "./address";
import type {
  ConversationFrame,
  ConversationReply,
  ConversationsReply,
  MessageFrame,
  Sent,
} from "./frames";
import { ask, Refused } from "./socket";
import { followOnly, takeStored } from "./stream";

export interface Question {
  id: string;
  text: string;
  createdAt: string;
  after: string | null;
  answerIds: string[];
}

export type Shown =
  | { is: "new" }
  | { is: "opening"; id: string }
  | { is: "open"; id: string; questions: Question[] }
  | { is: "missing"; id: string };

export const conversations = signal<ConversationFrame[]>([]);
export const hasMore = signal(false);
export const shown = signal<Shown>({ is: "new" });
export const shownId = computed(() => (shown.value.is === "new" ? null : shown.value.id));
export const shownTitle = computed(
  () => conversations.value.find((each) => each.id === shownId.value)?.title ?? "",
);

export function takeList(list: ConversationFrame[], more: boolean): void {
  conversations.value = list;
  hasMore.value = more;
}

/** Shows the conversation of the address bar, or a new one. */
export async function openFromAddress(): Promise<void> {
  const id = address.conversationId();
  await (id === null ? showNew() : show(id));
}

export function startNew(): void {
  address.go(null);
  void showNew();
}

export function open(id: string): void {
  address.go(id);
  void show(id);
}

async function showNew(): Promise<void> {
  shown.value = { is: "new" };
  followOnly([]);
}

async function show(id: string): Promise<void> {
  if (shown.peek().is === "new" || shownId.peek() !== id) {
    shown.value = { is: "opening", id };
  }
  await reload(id);
}

/** Reads the conversation again and follows what is open in it. Nothing that we know is lost. */
export async function reload(id: string): Promise<void> {
  try {
    const reply = (await ask("conversation.open", { conversation_id: id })) as ConversationReply;
    if (shownId.peek() !== id) {
      return;
    }
    takeConversation(reply.conversation);
    shown.value = { is: "open", id, questions: reply.messages.map(takeMessage) };
    followShown();
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw error;
    }
    if (shownId.peek() === id && error.refusal.code === "not-found") {
      shown.value = { is: "missing", id };
    }
  }
}

export function followShown(): void {
  const now = shown.peek();
  followOnly(now.is === "open" ? now.questions.flatMap((each) => each.answerIds) : []);
}

/** A message that was heard: new in its conversation, or one of it with one more answer. */
export function takeSent(sent: Sent, { isShown }: { isShown: boolean }): void {
  takeConversation(sent.conversation);
  if (!isShown) {
    return;
  }
  const id = sent.conversation.id;
  const question = takeMessage(sent.message);
  const now = shown.peek();
  if (now.is === "new") {
    address.go(id);
  }
  const earlier = now.is === "open" && now.id === id ? now.questions : [];
  const isKnown = earlier.some((each) => each.id === question.id);
  const questions = isKnown
    ? earlier.map((each) => (each.id === question.id ? question : each))
    : [...earlier, question];
  shown.value = { is: "open", id, questions };
  followShown();
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
  const last = conversations.peek().at(-1);
  const before = last?.changed_at ?? null;
  const reply = (await ask("conversations.list", { before })) as ConversationsReply;
  const known = new Set(conversations.peek().map((each) => each.id));
  const older = reply.conversations.filter((each) => !known.has(each.id));
  takeList([...conversations.peek(), ...older], reply.more);
}

/** The newest page again; what had been loaded below it stays. */
export async function refreshList(): Promise<void> {
  const reply = (await ask("conversations.list", { before: null })) as ConversationsReply;
  const oldest = reply.conversations.at(-1)?.changed_at ?? "";
  const fresh = new Set(reply.conversations.map((each) => each.id));
  const older = reply.more
    ? conversations.peek().filter((each) => !fresh.has(each.id) && each.changed_at < oldest)
    : [];
  takeList([...reply.conversations, ...older], older.length > 0 ? hasMore.peek() : reply.more);
}

function takeConversation(conversation: ConversationFrame): void {
  const others = conversations.peek().filter((each) => each.id !== conversation.id);
  conversations.value = [conversation, ...others].sort((one, other) =>
    other.changed_at.localeCompare(one.changed_at),
  );
}

function takeMessage(frame: MessageFrame): Question {
  return {
    id: frame.id,
    text: frame.text,
    createdAt: frame.created_at,
    after: frame.after,
    answerIds: frame.answers.map((each) => takeStored(each).peek().id),
  };
}
