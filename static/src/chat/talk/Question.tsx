/** What a person asked, its other versions, and a box to ask it in other words. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { copy } from "../copying";
import { Icon } from "../icons";
import { refusal, runningId, sendEdited } from "../sending";
import { sentenceOf } from "../sentences";
import { pickedModel } from "../session";
import { t } from "../words";
import type { Question } from "./branch";
import { beginEditing, edit, editing, stopEditing } from "./editing";
import { Pager } from "./Pager";
import { showVersion } from "./shown";
import { Tool } from "./Tool";

/** The version whose pager has the focus once it is drawn: the old one went with its button. */
const turnedTo = signal<string | null>(null);

export function Asked({ question }: { question: Question }): JSX.Element {
  const now = editing.value;
  if (now?.messageId === question.id) {
    return <EditBox question={question} text={now.text} />;
  }
  return (
    <div class="asked">
      <AskedText text={question.text} />
      <Tools question={question} />
    </div>
  );
}

/** Without tools: also for what is on its way. */
export function AskedText({ text }: { text: string }): JSX.Element {
  return (
    <div class="question">
      <h2 class="visually-hidden">{t("You")}</h2>
      <p dir="auto">{text}</p>
    </div>
  );
}

function Tools({ question }: { question: Question }): JSX.Element {
  const tools = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (turnedTo.value === question.id) {
      turnedTo.value = null;
      tools.current?.querySelector<HTMLElement>(".pager button")?.focus();
    }
  }, [turnedTo.value]);
  const turnTo = (id: string): void => {
    turnedTo.value = id;
    showVersion(id).catch((error: unknown) => {
      refusal.value = sentenceOf(error);
    });
  };
  return (
    <div class="tools" ref={tools}>
      <Tool words={t("Copy question")} icon="copy" act={() => copy(question.text)} />
      <Tool
        words={t("Edit question")}
        icon="pencil"
        isDisabled={runningId.value !== null || pickedModel.value === null}
        act={() => beginEditing(question.id, question.text)}
      />
      <Pager
        words={{ before: t("Earlier version"), after: t("Later version") }}
        ids={question.versions}
        shownId={question.id}
        turnTo={turnTo}
      />
    </div>
  );
}

function EditBox({ question, text }: { question: Question; text: string }): JSX.Element {
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    box.current?.focus();
    box.current?.setSelectionRange(text.length, text.length);
  }, []);
  const canSend = text.trim() !== "" && runningId.value === null && pickedModel.value !== null;
  const submit = (): void => {
    if (canSend && sendEdited(question.id, text)) {
      stopEditing();
    }
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    const isComposing = event.isComposing || event.keyCode === 229;
    if (event.key === "Enter" && !event.shiftKey && !isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && !isComposing) {
      event.stopPropagation();
      stopEditing();
    }
  };
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={box}
        rows={2}
        dir="auto"
        aria-label={t("Question in other words")}
        value={text}
        onInput={(event) => edit(question.id, event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="edit-acts">
        <button type="button" class="button" onClick={stopEditing}>
          {t("Cancel")}
        </button>
        <button type="submit" class="button" disabled={!canSend}>
          <Icon name="send" />
          {t("Ask again")}
        </button>
      </div>
    </form>
  );
}
