/** Pure: what one answer looks like after one more frame. No network, no page, no signals. */

import type { Delta, GenerationFrame, PageState, Rating, Stats, Status } from "./frames";

export interface Answer {
  readonly id: string;
  readonly messageId: string;
  readonly modelName: string;
  readonly state: PageState;
  readonly reason: string;
  readonly text: string;
  readonly thinking: string;
  readonly attempt: number;
  readonly number: number;
  readonly position: number | null;
  /** About how long it still waits, as far as the server can say. */
  readonly waitSeconds: number | null;
  /** How much of the model is loaded, or of the prompt is read, 0 to 1. */
  readonly progress: number | null;
  readonly stats: Stats | null;
  readonly rating: Rating | null;
  readonly createdAt: string;
  /** When it was begun and ended; null as long as the page has not read it again since. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export type Outcome = "applied" | "ignored" | "gap";

const OPEN: ReadonlySet<PageState> = new Set(["queued", "loading", "reading", "writing"]);

export function isOpen(answer: Pick<Answer, "state">): boolean {
  return OPEN.has(answer.state);
}

export function fromFrame(frame: GenerationFrame): Answer {
  return {
    id: frame.id,
    messageId: frame.message_id,
    modelName: frame.model_name,
    state: frame.state,
    reason: frame.reason,
    text: frame.text,
    thinking: frame.thinking,
    attempt: frame.attempt,
    number: frame.number,
    position: null,
    waitSeconds: null,
    progress: null,
    stats: frame.stats,
    rating: frame.rating,
    createdAt: frame.created_at,
    startedAt: frame.started_at,
    endedAt: frame.ended_at,
  };
}

/** What we have and what the server has stored: whichever knows more. */
export function merge(known: Answer, frame: GenerationFrame): Answer {
  const stored = fromFrame(frame);
  if (!isOpen(known)) {
    return isOpen(stored) && stored.attempt <= known.attempt ? known : stored;
  }
  const isNewer =
    !isOpen(stored) ||
    stored.attempt > known.attempt ||
    (stored.attempt === known.attempt && stored.number > known.number);
  if (!isNewer) {
    return known;
  }
  const isSame = stored.state === known.state;
  const { position, waitSeconds, progress } = known;
  return isSame ? { ...stored, position, waitSeconds, progress } : stored;
}

/**
 * One more delta. A newer attempt begins from nothing; what is known already is ignored; what does not
 * join on is a gap, and the conversation must be read again. `first` 0 carries all there is.
 */
export function apply(answer: Answer, delta: Delta): [Answer, Outcome] {
  if (delta.attempt < answer.attempt || !isOpen(answer)) {
    return [answer, "ignored"];
  }
  const isNext = delta.attempt > answer.attempt;
  const isWhole = isNext || (delta.first === 0 && delta.last > answer.number);
  const known = isNext ? 0 : answer.number;
  const isRepeat = !isNext && delta.last <= known;
  if (isRepeat && delta.end === null) {
    return [answer, "ignored"];
  }
  // Part of it known and part new: a text cannot be cut at an event.
  const isOverlap = !isWhole && !isRepeat && delta.first <= known;
  if (delta.first > known + 1 || isOverlap) {
    return [answer, "gap"];
  }
  const text = isWhole ? "" : answer.text;
  const thinking = isWhole ? "" : answer.thinking;
  return [
    {
      ...answer,
      attempt: delta.attempt,
      number: Math.max(known, delta.last),
      text: isRepeat ? text : text + delta.text,
      thinking: isRepeat ? thinking : thinking + delta.thinking,
      state: delta.end?.state ?? nextState(answer, delta),
      reason: delta.end?.reason ?? "",
      position: null,
      waitSeconds: null,
      progress: delta.end === null ? delta.read : null,
      stats: delta.end?.stats ?? answer.stats,
    },
    "applied",
  ];
}

function nextState(answer: Answer, delta: Delta): PageState {
  if (delta.state !== null) {
    return delta.state;
  }
  // Number 0 is the mark that an attempt was given up: it waits again.
  return delta.last === 0 ? "queued" : answer.state;
}

/** Only a waiting answer has a place in the queue; a late frame about it is ignored. */
export function applyStatus(answer: Answer, status: Status): Answer {
  if (answer.state !== "queued" && answer.state !== "loading") {
    return answer;
  }
  return {
    ...answer,
    state: status.state,
    position: status.position,
    waitSeconds: status.seconds,
    progress: status.progress,
  };
}
