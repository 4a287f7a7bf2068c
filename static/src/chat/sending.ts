/** What leaves the page: questions, and Stop, Retry, Continue. An unsure send is simply repeated. */

import { computed, signal } from "@preact/signals";
import { attached, giveBack as giveFilesBack, hindrance, taken } from "./files/attached";
import type { FileFrame } from "./files/frames";
import type { NextFrame, Sent, Waits } from "./frames";
import { newKey } from "./keys";
import * as memory from "./memory";
import { personId } from "./page";
import { sentenceOf, tooLong } from "./sentences";
import { maxTextChars, pickedModel } from "./session";
import { forNew, takenAlong } from "./settings/chosen";
import type { Chosen } from "./settings/frames";
import { ask, Refused } from "./socket";
import { answerOf, isOpenNow } from "./stream";
import { edit } from "./talk/editing";
import { lastAnswerId, reload, shown, shownId, takeSent, takeWaits } from "./talk/shown";

export interface Unheard {
  clientKey: string;
  conversationId: string | null;
  text: string;
  modelName: string;
  files?: FileFrame[];
  /** What a new conversation is set to. */
  settings: Chosen | null;
  /** The answer that was shown last; null when something else was on its way already. */
  after?: string | null;
  /** The question that it stands instead of. */
  editOf?: string;
  /** Files of it that do not come along. */
  without?: string[];
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
  for (let index = now.questions.length - 1; index >= 0; index -= 1) {
    const open = now.questions[index]?.answerIds.findLast((id) => isOpenNow(id));
    if (open !== undefined) {
      return open;
    }
  }
  // On a branch that is not shown, perhaps: then only the server knows when it ends.
  return now.running !== null && answerOf(now.running) === undefined ? now.running : null;
});

/** Nothing can follow a conversation that the server has not begun yet. */
export const isBeginning = computed(() => shownId.value === null && shownUnheard.value.length > 0);

/** False when the text may not go as it is; `refusal` then says why. */
export function send(text: string): boolean {
  const model = pickedModel.peek();
  const isEmpty = text.trim() === "" && attached.peek().length === 0;
  if (model === null || isBeginning.peek() || isEmpty || hindrance.peek() !== "") {
    return false;
  }
  if (text.length > maxTextChars.peek()) {
    refusal.value = tooLong(maxTextChars.peek());
    return false;
  }
  refusal.value = "";
  const conversationId = shownId.peek();
  const settings = conversationId === null ? forNew() : null;
  const after = shownUnheard.peek().length === 0 ? lastAnswerId.peek() : null;
  const modelName = model.name;
  const files = taken(conversationId ?? "");
  void deliver({ clientKey: newKey(), conversationId, text, modelName, files, settings, after });
  return true;
}

/** As `send`, in the place of a question that was asked already. */
export function sendEdited(
  messageId: string,
  text: string,
  { files, without }: { files: FileFrame[]; without: string[] },
): boolean {
  const model = pickedModel.peek();
  const conversationId = shownId.peek();
  if (model === null || conversationId === null || runningId.peek() !== null) {
    return false;
  }
  if (text.length > maxTextChars.peek()) {
    refusal.value = tooLong(maxTextChars.peek());
    return false;
  }
  refusal.value = "";
  const modelName = model.name;
  const clientKey = newKey();
  const settings = null;
  const editOf = messageId;
  void deliver({ clientKey, conversationId, text, modelName, files, settings, editOf, without });
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
    const reply = (await (each.editOf === undefined ? asked(each) : edited(each, each.editOf))) as
      | Sent
      | Waits;
    const isShown = shownId.peek() === each.conversationId;
    drop(each);
    if (reply.type === "waits") {
      takeWaits(reply);
      return;
    }
    takenAlong(reply.conversation.id, each.settings ?? null);
    takeSent(reply, { isShown });
    askedId.value = reply.message.shown;
  } catch (error) {
    drop(each);
    giveBack(each);
    refusal.value = sentenceOf(error);
    await lookAgain(error);
  }
}

function asked(each: Unheard): Promise<unknown> {
  return ask("message.send", {
    conversation_id: each.conversationId,
    text: each.text,
    client_key: each.clientKey,
    model_name: each.modelName,
    settings: each.settings ?? null,
    after: each.after ?? null,
    may_wait: true,
    ...filesOf(each),
  });
}

function edited(each: Unheard, messageId: string): Promise<unknown> {
  return ask("message.edit", {
    message_id: messageId,
    text: each.text,
    client_key: each.clientKey,
    model_name: each.modelName,
    ...filesOf(each),
  });
}

function filesOf({ files = [] }: Unheard): { files?: string[] } {
  return files.length === 0 ? {} : { files: files.map((file) => file.id) };
}

/** Not a word is lost: it is back where it was written. */
function giveBack(each: Unheard): void {
  if (each.editOf === undefined) {
    givenBack.value = { conversationId: each.conversationId, text: each.text };
    giveFilesBack(each.conversationId ?? "", each.files ?? []);
  } else {
    edit(each.editOf, each.text, each.without);
  }
}

export function stop(generationId: string): void {
  void tried(ask("generation.stop", { generation_id: generationId }));
}

/** Answered once more, by the picked model or by another one. */
export function retry(generationId: string, modelName?: string): void {
  const model_name = modelName ?? pickedModel.peek()?.name ?? null;
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
    askedId.value = sent.message.shown;
  });
  void tried(reply);
}

/** A question that waits goes now, whatever became of the answer before it. */
export function sendNext(nextId: string): void {
  const model = pickedModel.peek();
  if (model !== null) {
    again("next.send", { next_id: nextId, model_name: model.name });
  }
}

/** A question that waits comes back into the composer. */
export function takeBack({ id, text, files }: NextFrame): void {
  const conversationId = shownId.peek();
  const reply = ask("next.cancel", { next_id: id }).then((frame) => {
    takeWaits(frame as Waits);
    givenBack.value = { conversationId, text };
    giveFilesBack(conversationId ?? "", files ?? []);
  });
  void tried(reply);
}

export async function tried(reply: Promise<unknown>): Promise<void> {
  refusal.value = "";
  try {
    await reply;
  } catch (error) {
    refusal.value = sentenceOf(error);
    await lookAgain(error);
  }
}

/** Refused because it is not as this page shows it: then the page is what must change. */
async function lookAgain(error: unknown): Promise<void> {
  const id = shownId.peek();
  const isStale =
    error instanceof Refused && ["conflict", "not-found"].includes(error.refusal.code);
  if (isStale && id !== null) {
    await reload(id).catch(() => undefined);
  }
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
