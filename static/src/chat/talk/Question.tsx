/** What a person asked, its other versions, and a box to ask it in other words. */

import { signal } from "@preact/signals";
import type { ComponentChildren, JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isComposing } from "../composing";
import { copy } from "../copying";
import { canSee } from "../files/attached";
import { hindranceOf } from "../files/fitness";
import { HindranceNote } from "../files/HindranceNote";
import { QuestionFiles } from "../files/QuestionFiles";
import { isOutOfView } from "../files/viewing";
import { Icon } from "../icons";
import { refusal, runningId, sendEdited } from "../sending";
import { sentenceOf } from "../sentences";
import { pickedModel } from "../session";
import { t } from "../words";
import type { Question } from "./branch";
import { beginEditing, type Editing, edit, editing, stopEditing } from "./editing";
import { Pager } from "./Pager";
import { showVersion } from "./shown";
import { Tool } from "./Tool";

/** The version whose pager has the focus once it is drawn: the old one went with its button. */
const turnedTo = signal<string | null>(null);

export function Asked({ question }: { question: Question }): JSX.Element {
  const now = editing.value;
  if (now?.messageId === question.id) {
    return <EditBox question={question} now={now} />;
  }
  const isUnread = question.files.length > 0 && isOutOfView(question.id);
  return (
    <div class="asked">
      <AskedText text={question.text}>
        <QuestionFiles files={question.files} isUnread={isUnread} />
      </AskedText>
      <Tools question={question} />
    </div>
  );
}

interface AskedProps {
  text: string;
  /** Its files, if it has some. */
  children?: ComponentChildren;
}

/** Without tools: also for what is on its way. */
export function AskedText({ text, children }: AskedProps): JSX.Element {
  return (
    <div class="asked">
      <h2 class="visually-hidden">{t("You")}</h2>
      {children}
      {text !== "" && (
        <div class="question">
          <p dir="auto">{text}</p>
        </div>
      )}
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

function EditBox({ question, now }: { question: Question; now: Editing }): JSX.Element {
  const { text, without } = now;
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    box.current?.focus();
    box.current?.setSelectionRange(text.length, text.length);
  }, []);
  const files = question.files.filter((file) => !without.includes(file.id));
  const known = files.map((file) => ({ file, refusal: "" }));
  const hindrance = hindranceOf(known, canSee.value);
  const isWritten = text.trim() !== "" || files.length > 0;
  const isHeard = pickedModel.value !== null && runningId.value === null;
  const canSend = isWritten && isHeard && hindrance === "";
  const submit = (): void => {
    if (canSend && sendEdited(question.id, text, { files, without })) {
      stopEditing();
    }
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    if (isComposing(event)) {
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
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
      <QuestionFiles
        files={files}
        takeOut={(file) => edit(question.id, text, [...without, file.id])}
      />
      <textarea
        ref={box}
        rows={2}
        dir="auto"
        aria-label={t("Question in other words")}
        value={text}
        onInput={(event) => edit(question.id, event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {hindrance !== "" && <HindranceNote hindrance={hindrance} />}
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
