/** A snapshot of somebody's conversation: to be read, and nothing else. */

import type { JSX } from "preact";
import { NamedFiles } from "../files/NamedFiles";
import { Markdown } from "../Markdown";
import { labelOf } from "../session";
import { AskedText } from "../talk/Question";
import { locale, t } from "../words";
import type { SharedReply, SharedTurn } from "./frames";
import { sharedNow } from "./shared";
import "./order.css";

export function SharedView(): JSX.Element {
  const now = sharedNow.value;
  return (
    <div class="scroller">
      <div class="turns">
        {now.is === "opening" && <p class="first">{t("Opening…")}</p>}
        {now.is === "missing" && (
          <p class="first" role="alert">
            {now.sentence}
          </p>
        )}
        {now.is === "open" && <Snapshot shared={now.shared} />}
      </div>
    </div>
  );
}

function Snapshot({ shared }: { shared: SharedReply }): JSX.Element {
  const { title, owner_name: name, created_at: at } = shared.share;
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(new Date(at));
  return (
    <>
      <header class="shared-head">
        <h1 dir="auto">{title || t("Chat")}</h1>
        <p>
          {shared.is_mine
            ? t("You shared this on %(day)s. It is read only.", { day })
            : t("%(name)s shared this with you on %(day)s. It is read only.", { name, day })}
        </p>
      </header>
      {shared.turns.map((turn) => (
        <div class="turn" key={turn.asked_at}>
          <AskedText text={turn.question}>
            <NamedFiles names={turn.files ?? []} />
          </AskedText>
          {turn.answer !== null && <Answered answer={turn.answer} />}
        </div>
      ))}
    </>
  );
}

function Answered({ answer }: { answer: NonNullable<SharedTurn["answer"]> }): JSX.Element {
  const label = labelOf(answer.model_name);
  return (
    <article
      class="answer"
      data-state={answer.state}
      aria-label={t("Answer from %(model)s", { model: label })}
    >
      <header class="answer-head">
        <bdi>{label}</bdi>
      </header>
      {answer.text === "" ? (
        <p class="notice">{t("There was no answer.")}</p>
      ) : (
        <Markdown text={answer.text} isOver />
      )}
    </article>
  );
}
