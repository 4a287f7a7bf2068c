/** The answers the page knows, one signal each, and the frames that make them grow. */

import { batch, type Signal, signal } from "@preact/signals";
import type { Delta, GenerationFrame, Rating, Status } from "./frames";
import { type Answer, apply, applyStatus, fromFrame, isOpen, merge } from "./generations";
import { inTime } from "./rendering/pacing";
import { ask } from "./socket";

const answers = new Map<string, Signal<Answer>>();
const followed = new Set<string>();
/** Answers of which more has come than is shown: pieces may come faster than anybody sees. */
const ahead = new Map<string, Answer>();
/** What she thinks of answers, as long as the server may not have heard it. */
const unheard = new Map<string, { rating: Rating | null }>();
let isToBeShown = false;

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
  // What was read before the server heard of a rating is older than what is shown.
  showNow(known, merge(latest(known), { ...frame, ...unheard.get(frame.id) }));
  return known;
}

/** With all that has come, whether it is shown yet or not. */
function latest(known: Signal<Answer>): Answer {
  const { id } = known.peek();
  return ahead.get(id) ?? known.peek();
}

function showNow(known: Signal<Answer>, answer: Answer): void {
  ahead.delete(answer.id);
  known.value = answer;
}

function showSoon(answer: Answer): void {
  ahead.set(answer.id, answer);
  if (!isToBeShown) {
    isToBeShown = true;
    inTime(showAhead);
  }
}

function showAhead(): void {
  isToBeShown = false;
  batch(() => {
    for (const answer of ahead.values()) {
      const known = answers.get(answer.id);
      if (known !== undefined) {
        known.value = answer;
      }
    }
  });
  ahead.clear();
}

export function receiveDelta(delta: Delta): void {
  const known = answers.get(delta.generation_id);
  if (known === undefined) {
    return;
  }
  const [next, outcome] = apply(latest(known), delta);
  if (outcome === "gap") {
    followed.delete(delta.generation_id);
    onGap(delta.generation_id);
    return;
  }
  // Only words wait: that it begins, or ends, is seen at once.
  if (outcome === "applied") {
    next.state === known.peek().state ? showSoon(next) : showNow(known, next);
  }
  if (!isOpen(next)) {
    followed.delete(next.id);
  }
}

export function receiveStatus(status: Status): void {
  const known = answers.get(status.generation_id);
  if (known !== undefined) {
    showNow(known, applyStatus(latest(known), status));
  }
}

/** Shown at once, whatever is read meanwhile, until `heard` is called. */
export function rateUnheard(generationId: string, rating: Rating | null): { heard: () => void } {
  const own = { rating };
  unheard.set(generationId, own);
  takeRating(generationId, rating);
  const heard = (): void => {
    if (unheard.get(generationId) === own) {
      unheard.delete(generationId);
    }
  };
  return { heard };
}

export function takeRating(generationId: string, rating: Rating | null): void {
  const known = answers.get(generationId);
  if (known !== undefined) {
    showNow(known, { ...latest(known), rating });
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
    const known = answers.get(id);
    if (known !== undefined && !followed.has(id)) {
      const answer = latest(known);
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
