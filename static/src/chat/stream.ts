/** The answers the page knows, one signal each, and the frames that make them grow. */

import { type Signal, signal } from "@preact/signals";
import type { Delta, GenerationFrame, Rating, Status } from "./frames";
import { type Answer, apply, applyStatus, fromFrame, isOpen, merge } from "./generations";
import { ask } from "./socket";

const answers = new Map<string, Signal<Answer>>();
const followed = new Set<string>();

/** Called with the id of a generation whose events do not fit together: read it again. */
let onGap: (generationId: string) => void = () => undefined;

export function whenGap(refetch: (generationId: string) => void): void {
  onGap = refetch;
}

export function answerOf(generationId: string): Signal<Answer> | undefined {
  return answers.get(generationId);
}

/** Takes what the server has stored; keeps what we know better. */
export function takeStored(frame: GenerationFrame): Signal<Answer> {
  const known = answers.get(frame.id);
  if (known === undefined) {
    const fresh = signal(fromFrame(frame));
    answers.set(frame.id, fresh);
    return fresh;
  }
  known.value = merge(known.peek(), frame);
  return known;
}

export function receiveDelta(delta: Delta): void {
  const known = answers.get(delta.generation_id);
  if (known === undefined) {
    return;
  }
  const [next, outcome] = apply(known.peek(), delta);
  if (outcome === "gap") {
    followed.delete(delta.generation_id);
    onGap(delta.generation_id);
    return;
  }
  known.value = next;
  if (!isOpen(next)) {
    followed.delete(next.id);
  }
}

export function receiveStatus(status: Status): void {
  const known = answers.get(status.generation_id);
  if (known !== undefined) {
    known.value = applyStatus(known.peek(), status);
  }
}

/** What she thinks of it, as soon as the server has heard it. */
export function takeRating(generationId: string, rating: Rating | null): void {
  const known = answers.get(generationId);
  if (known !== undefined) {
    known.value = { ...known.peek(), rating };
  }
}

/** Follows exactly the open ones among these, each from what we have of it. */
export function followOnly(generationIds: readonly string[]): void {
  const wanted = new Set(generationIds.filter((id) => isOpenNow(id)));
  for (const id of followed) {
    if (!wanted.has(id)) {
      followed.delete(id);
      quietly(ask("unfollow", { generation_id: id }, { isRepeated: false }));
    }
  }
  for (const id of wanted) {
    const answer = answers.get(id)?.peek();
    if (answer !== undefined && !followed.has(id)) {
      followed.add(id);
      quietly(
        ask(
          "follow",
          { generation_id: id, attempt: answer.attempt, number: answer.number },
          { isRepeated: false },
        ),
      );
    }
  }
}

/** A new connection follows nothing yet. */
export function forgetFollowed(): void {
  followed.clear();
}

export function isOpenNow(generationId: string): boolean {
  const answer = answers.get(generationId)?.value;
  return answer !== undefined && isOpen(answer);
}

function quietly(reply: Promise<unknown>): void {
  // A lost connection follows again from where it was; a refusal means there is nothing to follow.
  reply.catch(() => undefined);
}
