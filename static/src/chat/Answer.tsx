/** One answer, in whatever state it is, and what can be done about it. */

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { CutNote } from "./files/CutNote";
import { type Answer as AnswerRecord, isOpen } from "./generations";
import { Markdown } from "./Markdown";
import { Progress } from "./Progress";
import { sentenceAbout } from "./reasons";
import { Thinking } from "./rendering/Thinking";
import { labelOf } from "./session";
import { Acts } from "./talk/Acts";
import type { Question } from "./talk/branch";
import { t } from "./words";

interface Props {
  answer: Signal<AnswerRecord>;
  question: Question;
  /** The end of the branch: only this one can be gone on with. */
  isLast: boolean;
}

export function Answer({ answer, question, isLast }: Props): JSX.Element {
  const article = useRef<HTMLElement>(null);
  const now = answer.value;
  const over = !isOpen(now);
  const sentence = sentenceAbout(now);
  const label = labelOf(now.modelName);
  return (
    <article
      ref={article}
      class="answer"
      data-state={now.state}
      data-generation={now.id}
      aria-label={t("Answer from %(model)s", { model: label })}
      aria-busy={!over}
    >
      <header class="answer-head">
        <bdi>{label}</bdi>
      </header>
      <Thinking
        generationId={now.id}
        text={now.thinking}
        isOver={over || now.text !== ""}
        stats={now.stats}
      />
      {now.text !== "" && <Markdown text={now.text} isOver={over} />}
      {!over && <Progress answer={now} />}
      <CutNote stats={now.stats} />
      {sentence !== "" && (
        <p class={`notice notice-${now.state}`} role={now.state === "failed" ? "alert" : undefined}>
          {sentence}
        </p>
      )}
      {over && (
        <Acts
          answer={now}
          question={question}
          isLast={isLast}
          proseOf={() => article.current?.querySelector(":scope > .prose") ?? null}
        />
      )}
    </article>
  );
}
