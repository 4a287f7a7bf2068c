/**
 * Pure: the branch of a conversation as far as the page has it, and how what arrives joins on to it.
 * A question has one way back to the beginning: where one is known, all before it is right.
 */

import type { FileFrame } from "../files/frames";
import type { MessageFrame, NextFrame } from "../frames";

export interface Question {
  id: string;
  text: string;
  createdAt: string;
  files: FileFrame[];
  after: string | null;
  answerIds: string[];
  /** The answer that the conversation goes on from. */
  shownAnswer: string | null;
  /** All questions that were asked in this place, oldest first. */
  versions: string[];
}

export interface Branch {
  questions: Question[];
  /** Older questions led to the first of these. */
  hasEarlier: boolean;
  nexts: NextFrame[];
  /** The answer that is being made in this conversation, on whatever branch. */
  running: string | null;
}

export function questionOf(frame: MessageFrame): Question {
  const answerIds = frame.answers.map((each) => each.id);
  return {
    id: frame.id,
    text: frame.text,
    createdAt: frame.created_at,
    files: frame.files ?? [],
    after: frame.after,
    answerIds,
    shownAnswer: frame.shown ?? answerIds.at(-1) ?? null,
    versions: frame.versions,
  };
}

/** The end of the branch was read again: what was loaded before it stays, if it led there. */
export function joined(known: Branch | null, fresh: Branch): Branch {
  const first = fresh.questions[0];
  const at = known?.questions.findIndex((each) => each.id === first?.id) ?? -1;
  if (known === null || at < 1) {
    return fresh;
  }
  return {
    ...fresh,
    questions: [...known.questions.slice(0, at), ...fresh.questions],
    hasEarlier: known.hasEarlier,
  };
}

/** Older questions arrived. What no longer leads to the first of ours is left out. */
export function withEarlier(known: Branch, earlier: Branch): Branch {
  const first = known.questions[0];
  if (first === undefined || earlier.questions.at(-1)?.shownAnswer !== first.after) {
    return known;
  }
  return {
    ...known,
    questions: [...earlier.questions, ...known.questions],
    hasEarlier: earlier.hasEarlier,
  };
}

/**
 * A question that was stored, or answered once more: the branch ends with it now. Null when it follows
 * something that is not loaded, and the conversation must be read again.
 */
export function withSent(known: Branch, question: Question): Branch | null {
  const running = question.shownAnswer;
  const at = known.questions.findIndex((each) => each.id === question.id);
  if (at >= 0) {
    return { ...known, questions: [...known.questions.slice(0, at), question], running };
  }
  if (question.after === null) {
    return { ...known, questions: [question], hasEarlier: false, running };
  }
  const after = question.after;
  const before = known.questions.findIndex((each) => each.answerIds.includes(after));
  const asked = known.questions[before];
  if (asked === undefined) {
    return null;
  }
  const led = [...known.questions.slice(0, before), { ...asked, shownAnswer: after }];
  return { ...known, questions: [...led, question], running };
}
