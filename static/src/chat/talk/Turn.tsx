/** A question and the answer that is shown of it. Far from the screen only their height is kept. */

import type { JSX } from "preact";
import { useContext, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Answer } from "../Answer";
import { answerOf } from "../stream";
import { t } from "../words";
import type { Question } from "./branch";
import { editing } from "./editing";
import { isPrinting, NearnessContext } from "./near";
import { Asked } from "./Question";

interface Props {
  question: Question;
  isLast: boolean;
  /** Drawn at once: it will be on the screen. */
  isFirstSeen: boolean;
}

/** Heights of turns that were drawn, by question. */
const heights = new Map<string, number>();
const HEARD_CHARS = 200;

export function Turn({ question, isLast, isFirstSeen }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const nearness = useContext(NearnessContext);
  const [isNear, setNear] = useState(isFirstSeen);
  useLayoutEffect(() => {
    const turn = box.current;
    return turn === null
      ? undefined
      : nearness?.watch(turn, (isNow, heightPx) => {
          if (isNow || !isInUse(turn)) {
            heights.set(question.id, heightPx);
            setNear(isNow);
          }
        });
  }, [question.id]);

  const isDrawn = isNear || isPrinting.value || editing.value?.messageId === question.id;
  if (!isDrawn) {
    const blockSize = `${heights.get(question.id) ?? guessedPx(question)}px`;
    return (
      <div class="turn" ref={box} data-question={question.id} style={{ blockSize }}>
        <h2 class="visually-hidden">{t("You")}</h2>
        <p class="visually-hidden">{question.text.slice(0, HEARD_CHARS)}</p>
      </div>
    );
  }
  const answer = answerOf(question.shownAnswer ?? "");
  return (
    <div class="turn" ref={box} data-question={question.id}>
      <Asked question={question} />
      {answer !== undefined && <Answer answer={answer} question={question} isLast={isLast} />}
    </div>
  );
}

/** Somebody marks text across it, or her focus is in it: it must not go away under her hands. */
function isInUse(turn: Element): boolean {
  return turn.contains(document.activeElement) || document.getSelection()?.isCollapsed === false;
}

/** Roughly right is enough: what is above is held still when the true height is known. */
function guessedPx(question: Question): number {
  const answerChars = answerOf(question.shownAnswer ?? "")?.peek().text.length ?? 0;
  return 190 + Math.ceil(question.text.length / 60) * 26 + Math.ceil(answerChars / 80) * 28;
}
