/** One answer, in whatever state it is, and what can be done about it. */

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { copy } from "./copying";
import { type Answer as AnswerRecord, isOpen } from "./generations";
import { Icon } from "./icons";
import { Markdown } from "./Markdown";
import { Progress } from "./Progress";
import { sentenceAbout } from "./reasons";
import { goOn, retry } from "./sending";
import { labelOf } from "./session";
import { t } from "./words";

interface Props {
  answer: Signal<AnswerRecord>;
  /** Only the newest answer of the newest question can be tried again or gone on with. */
  isLast: boolean;
  pager?: JSX.Element | null;
}

export function Answer({ answer, isLast, pager = null }: Props): JSX.Element {
  const now = answer.value;
  const over = !isOpen(now);
  const sentence = sentenceAbout(now);
  const label = labelOf(now.modelName);
  return (
    <article
      class="answer"
      data-state={now.state}
      data-generation={now.id}
      aria-label={t("Answer from %(model)s", { model: label })}
      aria-busy={!over}
    >
      <header class="answer-head">
        <bdi>{label}</bdi>
      </header>
      <Thinking text={now.thinking} isOver={over || now.text !== ""} />
      {now.text !== "" && <Markdown text={now.text} isOver={over} />}
      {!over && <Progress answer={now} />}
      {sentence !== "" && (
        <p class={`notice notice-${now.state}`} role={now.state === "failed" ? "alert" : undefined}>
          {sentence}
        </p>
      )}
      {over && <Acts answer={now} isLast={isLast} pager={pager} />}
    </article>
  );
}

function Thinking({ text, isOver }: { text: string; isOver: boolean }): JSX.Element | null {
  const [isUnfolded, setUnfolded] = useState(false);
  if (text === "") {
    return null;
  }
  return (
    <details class="thinking" onToggle={(event) => setUnfolded(event.currentTarget.open)}>
      <summary>{isOver ? t("Thoughts") : t("Thinking…")}</summary>
      {isUnfolded && <Markdown text={text} isOver={isOver} />}
    </details>
  );
}

function Acts({ answer, isLast, pager }: Omit<Props, "answer"> & { answer: AnswerRecord }) {
  const canRetry = isLast && answer.state !== "done";
  const canGoOn =
    isLast && answer.text !== "" && (answer.state === "stopped" || answer.state === "interrupted");
  return (
    <footer class="acts">
      {canGoOn && (
        <button type="button" class="button" onClick={() => goOn(answer.id)}>
          <Icon name="go" />
          {t("Continue")}
        </button>
      )}
      {canRetry && (
        <button type="button" class="button" onClick={() => retry(answer.id)}>
          <Icon name="retry" />
          {t("Retry")}
        </button>
      )}
      {answer.text !== "" && <CopyAnswer text={answer.text} />}
      {pager}
    </footer>
  );
}

function CopyAnswer({ text }: { text: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const press = async (): Promise<void> => {
    setCopied(await copy(text));
    window.setTimeout(() => setCopied(false), 1600);
  };
  return (
    <button type="button" class="quiet" onClick={() => void press()}>
      <Icon name={isCopied ? "check" : "copy"} />
      {isCopied ? t("Copied") : t("Copy answer")}
    </button>
  );
}
