/** Where a person writes. Enter sends, Shift+Enter makes a new line, an input method keeps its Enter. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { unquoted } from "./commands/parse";
import { SaidNote } from "./commands/SaidNote";
import { said } from "./commands/said";
import { useSlash } from "./commands/slash";
import { isComposing } from "./composing";
import { ContextMeter } from "./context/ContextMeter";
import { ContextWarning } from "./context/ContextWarning";
import { draftText } from "./context/context";
import { AttachButton } from "./files/AttachButton";
import { attached, hindrance } from "./files/attached";
import { Catcher, ComposerFiles } from "./files/ComposerFiles";
import { NOTE } from "./files/HindranceNote";
import { Icon } from "./icons";
import { ModelPicker } from "./ModelPicker";
import * as memory from "./memory";
import { personId } from "./page";
import { RetiredNotice } from "./RetiredNotice";
import { givenBack, isBeginning, refusal, runningId, send, stop } from "./sending";
import { choosable, isWelcome, pickedModel } from "./session";
import { SettingsButton } from "./settings/SettingsButton";
import { suggestion } from "./suggestion";
import { shown, shownId } from "./talk/shown";
import { t } from "./words";

export function Composer(): JSX.Element {
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useDraft();
  const running = runningId.value;
  const hasNone = isWelcome.value && choosable.value.length === 0;
  const isClosed = hasNone || shown.value.is === "missing";
  const isWritten = text.trim() !== "" || attached.value.length > 0;
  const isHeard = !isBeginning.value && pickedModel.value !== null;
  const canSend = isWritten && isHeard && hindrance.value === "";

  const slash = useSlash(text, setText);
  const [isEager, setEager] = useEager(canSend, () => submit());

  useTaken(setText, box);
  useGrowth(box, text);
  useEffect(() => {
    draftText.value = text;
  }, [text]);
  useEffect(() => {
    if (window.matchMedia("(pointer: fine)").matches) {
      box.current?.focus();
    }
  }, [shownId.value]);

  const submit = (): void => {
    if (slash.obeys()) {
      return;
    }
    setEager(isWritten && !isWelcome.peek());
    if (canSend && send(unquoted(text))) {
      said.value = null;
      setText("");
      box.current?.focus();
    }
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    if (slash.hears(event)) {
      return;
    }
    if (event.key === "Enter" && !event.shiftKey && !isComposing(event)) {
      event.preventDefault();
      submit();
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Catcher canTake={!isClosed} />
      {refusal.value !== "" && (
        <p class="refusal" role="alert">
          {refusal.value}
          <button type="button" class="quiet" onClick={() => clearRefusal()}>
            <Icon name="close" />
            <span class="visually-hidden">{t("Dismiss")}</span>
          </button>
        </p>
      )}
      <SaidNote />
      <RetiredNotice />
      <ContextWarning />
      <div class="sheet">
        {slash.list}
        <ComposerFiles />
        <textarea
          {...slash.attributes}
          ref={box}
          rows={1}
          dir="auto"
          aria-label={t("Message")}
          placeholder={hasNone ? t("No model to ask yet") : t("Ask anything")}
          disabled={isClosed}
          value={text}
          onInput={(event) => {
            setEager(false);
            setText(event.currentTarget.value);
          }}
          onKeyDown={onKeyDown}
        />
        <div class="sheet-foot">
          <AttachButton isDisabled={isClosed} />
          <ModelPicker />
          <SettingsButton />
          <ContextMeter />
          <div class="sends">
            {running !== null && (
              <button
                type="button"
                class="round round-stop"
                aria-label={t("Stop")}
                onClick={() => stop(running)}
              >
                <Icon name="stop" />
              </button>
            )}
            {(running === null || isWritten) && (
              <button
                type="submit"
                class="round"
                aria-label={t("Send")}
                aria-describedby={hindrance.value === "" ? undefined : NOTE}
                disabled={!canSend}
              >
                <Icon name="send" />
              </button>
            )}
          </div>
        </div>
      </div>
      <p class="hint" role={isEager ? "status" : undefined}>
        {isEager
          ? t("Will be sent once you are online.")
          : t("Answers can be wrong. Check what matters.")}
      </p>
    </form>
  );
}

function clearRefusal(): void {
  refusal.value = "";
}

/** The text of this conversation's draft, kept on this device as it is typed. */
function useDraft(): [string, (text: string) => void] {
  const name = `draft.${personId}.${shownId.value ?? ""}`;
  const [draft, setDraft] = useState({ name, text: memory.read(name) ?? "" });
  const current = draft.name === name ? draft : { name, text: memory.read(name) ?? "" };
  const set = (text: string): void => {
    setDraft({ name, text });
    memory.writeSoon(name, text);
  };
  return [current.text, set];
}

/** Enter before the page knows whom it can ask is not lost: it is done as soon as the page does. */
function useEager(canSend: boolean, submit: () => void): [boolean, (isEager: boolean) => void] {
  const [isEager, setEager] = useState(false);
  const isOpening = shown.value.is === "opening";
  useEffect(() => {
    if (isEager && canSend && !isOpening) {
      setEager(false);
      submit();
    }
  }, [isEager, canSend, isOpening]);
  return [isEager, setEager];
}

/** Takes text that a starter offers or that a refusal gives back. */
function useTaken(setText: (text: string) => void, box: { current: HTMLTextAreaElement | null }) {
  const offered = suggestion.value;
  const back = givenBack.value;
  useEffect(() => {
    if (offered !== null) {
      suggestion.value = null;
      setText(offered.text);
      box.current?.focus();
    }
  }, [offered]);
  useEffect(() => {
    if (back !== null && back.conversationId === shownId.peek()) {
      givenBack.value = null;
      // What was typed meanwhile stays, below what came back.
      const typed = box.current?.value ?? "";
      setText(typed.trim() === "" ? back.text : `${back.text}\n${typed}`);
    }
  }, [back, shownId.value]);
}

const growsByItself = CSS.supports("field-sizing", "content");

/** As high as its text, up to the limit in the style sheet, where the browser cannot do it itself. */
function useGrowth(box: { current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const area = box.current;
    if (area === null || growsByItself) {
      return;
    }
    area.style.blockSize = "auto";
    area.style.blockSize = `${area.scrollHeight}px`;
  }, [text]);
}
