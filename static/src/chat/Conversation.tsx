/** The questions and answers of the shown conversation, in order. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Answer } from "./Answer";
import { type Question, shown } from "./conversations";
import { EmptyState } from "./EmptyState";
import { Icon } from "./icons";
import { Scroller } from "./Scroller";
import { shownUnheard } from "./sending";
import { connection } from "./socket";
import { answerOf } from "./stream";
import { t } from "./words";

export function Conversation(): JSX.Element {
  const now = shown.value;
  const waiting = shownUnheard.value;
  if (now.is === "new" && waiting.length === 0) {
    return (
      <div class="scroller">
        <EmptyState />
      </div>
    );
  }
  const questions = now.is === "open" ? now.questions : [];
  return (
    <Scroller id={now.is === "new" ? "" : now.id}>
      {now.is === "opening" && <p class="first">{t("Opening…")}</p>}
      {now.is === "missing" && (
        <p class="first" role="alert">
          {t("This conversation does not exist, or it is not yours.")}
        </p>
      )}
      {questions.map((question, index) => (
        <Turn key={question.id} question={question} next={questions[index + 1]} />
      ))}
      {waiting.map((each) => (
        <div class="turn" key={each.clientKey}>
          <Asked text={each.text} />
          <p class="progress" role="status">
            <span class="pulse" aria-hidden="true" />
            {connection.value === "online" ? t("Sending…") : t("Will be sent once you are online.")}
          </p>
        </div>
      ))}
    </Scroller>
  );
}

function Turn({ question, next }: { question: Question; next: Question | undefined }) {
  const ids = question.answerIds;
  // What the next question follows is what was read; at the end it is the newest.
  const natural = Math.max(0, next?.after ? ids.indexOf(next.after) : ids.length - 1);
  const [turned, setTurned] = useState<{ of: number; to: number } | null>(null);
  const index = turned !== null && turned.of === ids.length ? turned.to : natural;
  const answer = answerOf(ids[index] ?? "");
  return (
    <div class="turn">
      <Asked text={question.text} />
      {answer !== undefined && (
        <Answer
          key={answer.value.id}
          answer={answer}
          isLast={next === undefined && index === ids.length - 1}
          pager={
            ids.length > 1 ? (
              <Pager
                index={index}
                count={ids.length}
                onTurn={(to) => setTurned({ of: ids.length, to })}
              />
            ) : null
          }
        />
      )}
    </div>
  );
}

function Asked({ text }: { text: string }): JSX.Element {
  return (
    <div class="question">
      <h2 class="visually-hidden">{t("You")}</h2>
      <p dir="auto">{text}</p>
    </div>
  );
}

interface PagerProps {
  index: number;
  count: number;
  onTurn: (to: number) => void;
}

function Pager({ index, count, onTurn }: PagerProps): JSX.Element {
  return (
    <span class="pager">
      <button
        type="button"
        class="quiet"
        aria-label={t("Earlier answer")}
        disabled={index === 0}
        onClick={() => onTurn(index - 1)}
      >
        <Icon name="before" />
      </button>
      <span>{t("%(number)s of %(count)s", { number: index + 1, count })}</span>
      <button
        type="button"
        class="quiet"
        aria-label={t("Later answer")}
        disabled={index === count - 1}
        onClick={() => onTurn(index + 1)}
      >
        <Icon name="after" />
      </button>
    </span>
  );
}
