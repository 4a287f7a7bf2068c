/** What can be done about an answer that is over. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { copy } from "../copying";
import type { Verdict } from "../frames";
import type { Answer } from "../generations";
import { Icon } from "../icons";
import { type Item, Menu } from "../Menu";
import { goOn, refusal, retry, runningId } from "../sending";
import { sentenceOf } from "../sentences";
import { choosable, pickedModel } from "../session";
import { isVerbose } from "../settings/preferences";
import { t } from "../words";
import type { Question } from "./branch";
import { lazily } from "./lazily";
import { Pager } from "./Pager";
import { rate } from "./rating";
import { showAnswer } from "./shown";
import { Tool } from "./Tool";

const Statistics = lazily(async () => (await import("./Statistics")).Statistics);
const RatingBox = lazily(async () => (await import("./RatingBox")).RatingBox);

interface Props {
  answer: Answer;
  question: Question;
  isLast: boolean;
  /** What it says, as it is drawn. */
  proseOf: () => Element | null;
}

export function Acts({ answer, question, isLast, proseOf }: Props): JSX.Element {
  const acts = useRef<HTMLElement>(null);
  const [isCounting, setCounting] = useState(isVerbose.peek());
  const [isRating, setRating] = useState(false);
  const press = (verdict: Verdict): void => {
    const isTakenBack = answer.rating?.verdict === verdict;
    setRating(!isTakenBack);
    void rate(answer, isTakenBack ? null : { verdict, reasons: [], note: "" });
  };
  const closeRating = (): void => {
    setRating(false);
    focusOn("[aria-pressed=true]");
  };
  const closeCounting = (): void => {
    setCounting(false);
    focusOn(".menu:last-of-type > button");
  };
  const focusOn = (button: string): void => {
    acts.current?.querySelector<HTMLElement>(button)?.focus();
  };
  return (
    <>
      <footer ref={acts} class={isLast ? "acts" : "acts acts-quiet"}>
        <GoOn answer={answer} isLast={isLast} />
        {answer.text !== "" && (
          <Tool words={t("Copy answer")} icon="copy" act={() => copy(answer.text)} />
        )}
        <Regenerate answer={answer} />
        {answer.text !== "" && <Thumbs answer={answer} press={press} />}
        <Menu
          label={t("More about this answer")}
          items={moreOf(answer, proseOf, () => setCounting(!isCounting))}
        />
        <Pager
          words={{ before: t("Earlier answer"), after: t("Later answer") }}
          ids={question.answerIds}
          shownId={answer.id}
          turnTo={(id) => {
            showAnswer(id).catch((error: unknown) => {
              refusal.value = sentenceOf(error);
            });
          }}
        />
      </footer>
      {isRating && answer.rating !== null && (
        <RatingBox answer={answer} rating={answer.rating} close={closeRating} />
      )}
      {isCounting && <Statistics answer={answer} close={closeCounting} />}
    </>
  );
}

/** An answer that was cut short can be gone on with; one that failed can be tried again. */
function GoOn({ answer, isLast }: { answer: Answer; isLast: boolean }): JSX.Element | null {
  const isCut = ["stopped", "interrupted"].includes(answer.state) || answer.reason === "length";
  if (!isLast || runningId.value !== null) {
    return null;
  }
  return (
    <>
      {isCut && answer.text !== "" && (
        <button type="button" class="button" onClick={() => goOn(answer.id)}>
          <Icon name="go" />
          {t("Continue")}
        </button>
      )}
      {answer.state !== "done" && (
        <button type="button" class="button" onClick={() => retry(answer.id)}>
          <Icon name="retry" />
          {t("Retry")}
        </button>
      )}
    </>
  );
}

function Regenerate({ answer }: { answer: Answer }): JSX.Element | null {
  const models = choosable.value;
  const same = models.find((model) => model.name === answer.modelName) ?? pickedModel.value;
  if (same === null) {
    return null;
  }
  const others = models.filter((model) => model.name !== same.name);
  const isDisabled = runningId.value !== null;
  const act = (): void => retry(answer.id, same.name);
  if (others.length === 0) {
    return <Tool words={t("Answer again")} icon="retry" isDisabled={isDisabled} act={act} />;
  }
  const items: Item[] = [same, ...others].map((model) => ({
    words: t("With %(model)s", { model: model.label || model.name }),
    icon: "retry",
    act: () => retry(answer.id, model.name),
  }));
  return <Menu label={t("Answer again")} icon="retry" isDisabled={isDisabled} items={items} />;
}

function Thumbs({ answer, press }: { answer: Answer; press: (verdict: Verdict) => void }) {
  const verdict = answer.rating?.verdict;
  return (
    <>
      <Tool
        words={t("Good answer")}
        icon="good"
        isPressed={verdict === "good"}
        act={() => press("good")}
      />
      <Tool
        words={t("Bad answer")}
        icon="bad"
        isPressed={verdict === "bad"}
        act={() => press("bad")}
      />
    </>
  );
}

function moreOf(answer: Answer, proseOf: () => Element | null, count: () => void): Item[] {
  const counting: Item = { words: t("Statistics"), icon: "chart", act: count };
  if (answer.text === "") {
    return [counting];
  }
  return [
    { words: t("Copy as Markdown"), icon: "copy", act: () => void copy(answer.text) },
    { words: t("Copy as plain text"), icon: "text", act: () => void copyPlain(proseOf()) },
    counting,
  ];
}

async function copyPlain(prose: Element | null): Promise<void> {
  const { plainText } = await import("./plain");
  await copy(prose === null ? "" : plainText(prose));
}
