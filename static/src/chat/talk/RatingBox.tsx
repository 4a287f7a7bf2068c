/** Why an answer is good or bad, for who wants to say. Fetched when an answer is first rated. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isComposing } from "../composing";
import type { Rating } from "../frames";
import type { Answer } from "../generations";
import { t } from "../words";
import { rate } from "./rating";
import "./rating.css";

interface Props {
  answer: Answer;
  rating: Rating;
  close: () => void;
}

const MAX_NOTE_CHARS = 2_000;

export function RatingBox({ answer, rating, close }: Props): JSX.Element {
  const box = useRef<HTMLFieldSetElement>(null);
  const [reasons, setReasons] = useState<string[]>(rating.reasons);
  const [note, setNote] = useState(rating.note);
  useEffect(() => box.current?.querySelector<HTMLElement>("button")?.focus(), [rating.verdict]);
  const turn = (reason: string): void => {
    const others = reasons.filter((each) => each !== reason);
    setReasons(others.length < reasons.length ? others : [...reasons, reason]);
  };
  return (
    <form
      class="rating"
      onSubmit={(event) => {
        event.preventDefault();
        void rate(answer, { verdict: rating.verdict, reasons, note });
        close();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !isComposing(event)) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <fieldset ref={box}>
        <legend>{rating.verdict === "good" ? t("What was good?") : t("What was not good?")}</legend>
        <div class="reasons">
          {wordsOf(rating).map(([reason, words]) => (
            <button
              key={reason}
              type="button"
              class="chip"
              aria-pressed={reasons.includes(reason)}
              onClick={() => turn(reason)}
            >
              {words}
            </button>
          ))}
        </div>
      </fieldset>
      <textarea
        rows={2}
        dir="auto"
        maxLength={MAX_NOTE_CHARS}
        aria-label={t("Note")}
        placeholder={t("Anything else? (optional)")}
        value={note}
        onInput={(event) => setNote(event.currentTarget.value)}
      />
      <p>{t("Administrators read this, but not the conversation.")}</p>
      <div class="edit-acts">
        <button type="button" class="button" onClick={close}>
          {t("Close")}
        </button>
        <button type="submit" class="button">
          {t("Save")}
        </button>
      </div>
    </form>
  );
}

function wordsOf(rating: Rating): [string, string][] {
  return rating.verdict === "good"
    ? [
        ["correct", t("Correct")],
        ["clear", t("Easy to understand")],
        ["complete", t("Complete")],
      ]
    : [
        ["wrong", t("Not correct")],
        ["ignored", t("Not what I asked")],
        ["too-long", t("Too long")],
        ["too-short", t("Too short")],
        ["language", t("Wrong language")],
        ["harmful", t("Harmful")],
      ];
}
