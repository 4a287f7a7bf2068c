/** The conversation that is shown: opened, read again, loaded further back, turned to other branches. */

import { computed, signal } from "@preact/signals";
import * as address from "../address";
import { takeConversation } from "../conversations";
import type { ConversationReply, NextFrame, Sent, Waits } from "../frames";
import { fetchDrawer } from "../prose";
import { ask, Refused } from "../socket";
import { followOnly, takeStored } from "../stream";
import { type Branch, joined, questionOf, withEarlier, withSent } from "./branch";

export type Shown =
  | { is: "new" }
  | { is: "opening"; id: string }
  | ({ is: "open"; id: string } & Branch)
  | { is: "missing"; id: string };

export const shown = signal<Shown>({ is: "new" });
export const shownId = computed(() => (shown.value.is === "new" ? null : shown.value.id));
export const isLoadingEarlier = signal(false);
/** The question that the page goes to as soon as it is there. */
export const wanted = signal<string | null>(null);

/** The last answer of the branch: what she has read before she asks on. */
export const lastAnswerId = computed<string | null>(() => {
  const now = shown.value;
  return now.is === "open" ? (now.questions.at(-1)?.shownAnswer ?? null) : null;
});

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

/** Opens a conversation at one of its questions, on whatever branch that lies. */
export async function openAt(id: string, messageId: string): Promise<void> {
  address.go(id);
  if (shownId.peek() !== id) {
    shown.value = { is: "opening", id };
  }
  await turnTo(id, "message.show", { message_id: messageId });
  wanted.value = messageId;
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
  await turnTo(id, "conversation.open", { conversation_id: id });
}

/** Another version of a question, with what was said after it. */
export async function showVersion(messageId: string): Promise<void> {
  const id = shownId.peek();
  if (id !== null) {
    await turnTo(id, "message.show", { message_id: messageId });
  }
}

/** Another answer to a question, with what was said after it. */
export async function showAnswer(generationId: string): Promise<void> {
  const id = shownId.peek();
  if (id !== null) {
    await turnTo(id, "generation.show", { generation_id: generationId });
  }
}

async function turnTo(id: string, type: string, fields: Record<string, unknown>): Promise<void> {
  try {
    // Its answers come with it, not as plain text first.
    const [reply] = await Promise.all([ask(type, fields), fetchDrawer()]);
    take(id, reply as ConversationReply);
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw error;
    }
    if (shownId.peek() === id && error.refusal.code === "not-found") {
      shown.value = { is: "missing", id };
    }
  }
}

/** What led to the first question that is loaded. */
export async function loadEarlier(): Promise<void> {
  const now = shown.peek();
  const first = now.is === "open" && now.hasEarlier ? now.questions[0] : undefined;
  if (now.is !== "open" || first === undefined || isLoadingEarlier.peek()) {
    return;
  }
  isLoadingEarlier.value = true;
  try {
    const fields = { conversation_id: now.id, before: first.id };
    const earlier = branchOf((await ask("conversation.open", fields)) as ConversationReply);
    const still = shown.peek();
    if (still.is === "open" && still.id === now.id) {
      shown.value = { is: "open", id: now.id, ...withEarlier(still, earlier) };
    }
  } catch {
    // It stays as it is; the button is still there.
  } finally {
    isLoadingEarlier.value = false;
  }
}

export function followShown(): void {
  const now = shown.peek();
  followOnly(now.is === "open" ? now.questions.flatMap((each) => each.answerIds) : []);
}

/** A question that was heard: new on its branch, or one of it with one more answer. */
export function takeSent(sent: Sent, { isShown }: { isShown: boolean }): void {
  takeConversation(sent.conversation);
  if (!isShown) {
    return;
  }
  const id = sent.conversation.id;
  const now = shown.peek();
  if (now.is === "new") {
    address.go(id);
  }
  sent.message.answers.forEach(takeStored);
  const isHere = now.is === "open" && now.id === id;
  const known = isHere ? now : { questions: [], hasEarlier: false, nexts: [], running: null };
  const next = withSent(known, questionOf(sent.message));
  if (next === null) {
    void reload(id).catch(() => undefined);
    return;
  }
  shown.value = { is: "open", id, ...next };
  followShown();
}

/** What waits for its turn has changed. */
export function takeWaits(waits: Waits): void {
  takeConversation(waits.conversation);
  takeNexts(waits.conversation.id, waits.nexts);
}

function takeNexts(id: string, nexts: NextFrame[]): void {
  const now = shown.peek();
  if (now.is === "open" && now.id === id) {
    shown.value = { ...now, nexts };
  }
}

function take(id: string, reply: ConversationReply): void {
  takeConversation(reply.conversation);
  if (shownId.peek() !== id) {
    return;
  }
  const now = shown.peek();
  const known = now.is === "open" && now.id === id ? now : null;
  shown.value = { is: "open", id, ...joined(known, branchOf(reply)) };
  followShown();
}

function branchOf(reply: ConversationReply): Branch {
  for (const message of reply.messages) {
    message.answers.forEach(takeStored);
  }
  return {
    questions: reply.messages.map(questionOf),
    hasEarlier: reply.more,
    nexts: reply.nexts,
    running: reply.running,
  };
}
