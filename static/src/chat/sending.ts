/** What leaves the page: questions, and Stop, Retry, Continue. An unsure send is simply repeated. */

import { computed, signal } from "@preact/signals";
import { reload, shown, shownId, takeSent } from "./conversations";
import type { Sent } from "./frames";
import * as memory from "./memory";
import { personId } from "./page";
import { maxTextChars, pickedModel } from "./session";
import { ask, Refused, TooLong } from "./socket";
import { isOpenNow } from "./stream";
import { t } from "./words";

export interface Unheard {
  clientKey: string;
  conversationId: string | null;
  text: string;
  modelName: string;
}

/** Sent by this tab and not yet acknowledged. Kept over a reload, so that none is lost. */
export const unheard = signal<Unheard[]>([]);
/** Why the last act was refused, in a sentence; the text is back in the composer. */
export const refusal = signal("");
/** Text that a refusal gave back, with the conversation it belongs to. */
export const givenBack = signal<{ conversationId: string | null; text: string } | null>(null);

/** The answer this tab asked for last. It may be over before the tab has heard of it. */
export const askedId = signal<string | null>(null);

export const shownUnheard = computed(() =>
  unheard.value.filter((each) => each.conversationId === shownId.value),
);

/** The answer that is being made in the shown conversation, if any. */
export const runningId = computed<string | null>(() => {
  const now = shown.value;
  if (now.is !== "open") {
    return null;
  }
  const ids = now.questions.flatMap((each) => each.answerIds);
  return ids.findLast((id) => isOpenNow(id)) ?? null;
});

export const isBusy = computed(() => runningId.value !== null || shownUnheard.value.length > 0);

/** False when the text may not go as it is; `refusal` then says why. */
export function send(text: string): boolean {
  const model = pickedModel.peek();
  if (model === null || isBusy.peek() || text.trim() === "") {
    return false;
  }
  if (text.length > maxTextChars.peek()) {
    refusal.value = tooLong(maxTextChars.peek());
    return false;
  }
  refusal.value = "";
  const conversationId = shownId.peek();
  void deliver({ clientKey: newKey(), conversationId, text, modelName: model.name });
  return true;
}

/** What an earlier page of this tab had sent and not heard of. */
export function resume(): void {
  const kept = memory.read(keptName(), "tab");
  if (kept !== null && unheard.peek().length === 0) {
    try {
      for (const each of JSON.parse(kept) as Unheard[]) {
        void deliver(each);
      }
    } catch {
      memory.write(keptName(), "", "tab");
    }
  }
}

async function deliver(each: Unheard): Promise<void> {
  keep([...unheard.peek(), each]);
  try {
    const sent = (await ask("message.send", {
      conversation_id: each.conversationId,
      text: each.text,
      client_key: each.clientKey,
      model_name: each.modelName,
    })) as Sent;
    const isShown = shownId.peek() === each.conversationId;
    drop(each);
    takeSent(sent, { isShown });
    askedId.value = sent.message.answers.at(-1)?.id ?? null;
  } catch (error) {
    drop(each);
    givenBack.value = { conversationId: each.conversationId, text: each.text };
    refusal.value = sentenceOf(error);
  }
}

export function stop(generationId: string): void {
  void tried(ask("generation.stop", { generation_id: generationId }));
}

export function retry(generationId: string): void {
  const model_name = pickedModel.peek()?.name ?? null;
  again("generation.retry", { generation_id: generationId, client_key: newKey(), model_name });
}

export function goOn(generationId: string): void {
  again("generation.continue", { generation_id: generationId, client_key: newKey() });
}

function again(type: string, fields: Record<string, unknown>): void {
  const from = shownId.peek();
  const reply = ask(type, fields).then((frame) => {
    const sent = frame as Sent;
    takeSent(sent, { isShown: shownId.peek() === from });
    askedId.value = sent.message.answers.at(-1)?.id ?? null;
  });
  void tried(reply);
}

async function tried(reply: Promise<unknown>): Promise<void> {
  refusal.value = "";
  try {
    await reply;
  } catch (error) {
    refusal.value = sentenceOf(error);
    const id = shownId.peek();
    if (error instanceof Refused && error.refusal.code === "conflict" && id !== null) {
      await reload(id);
    }
  }
}

export function sentenceOf(error: unknown): string {
  if (error instanceof TooLong) {
    return tooLong(error.mostChars);
  }
  if (!(error instanceof Refused)) {
    return t("That did not work. Please try again.");
  }
  const { code, message, retry_after_seconds: seconds } = error.refusal;
  if (code !== "too-often" || seconds === null || seconds <= 0) {
    return message;
  }
  const when = t("Try again in %(seconds)s s.", { seconds: Math.ceil(seconds) });
  return `${message} ${when}`;
}

function tooLong(mostChars: number): string {
  return t("This text is too long. At most %(count)s characters fit.", { count: mostChars });
}

function drop(each: Unheard): void {
  keep(unheard.peek().filter((other) => other.clientKey !== each.clientKey));
}

function keep(all: Unheard[]): void {
  unheard.value = all;
  memory.write(keptName(), all.length === 0 ? "" : JSON.stringify(all), "tab");
}

function keptName(): string {
  return `unheard.${personId}`;
}

/** `crypto.randomUUID` exists only on https and loopback; a company may serve plain http inside. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
