/** Asks before something that cannot be undone. One question at a time. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "./words";

interface Asking {
  title: string;
  text: string;
  act: string;
  answer: (isSure: boolean) => void;
}

const asking = signal<Asking | null>(null);

export function confirm(question: Omit<Asking, "answer">): Promise<boolean> {
  return new Promise((resolve) => {
    asking.value = {
      ...question,
      answer: (isSure) => {
        asking.value = null;
        resolve(isSure);
      },
    };
  });
}

export function Dialog(): JSX.Element | null {
  const box = useRef<HTMLDialogElement>(null);
  const question = asking.value;
  useEffect(() => {
    if (question !== null && box.current?.open === false) {
      box.current.showModal();
    }
  }, [question]);
  if (question === null) {
    return null;
  }
  return (
    <dialog
      ref={box}
      class="dialog"
      aria-labelledby="dialog-title"
      onClose={() => question.answer(false)}
    >
      <h2 id="dialog-title">{question.title}</h2>
      <p dir="auto">{question.text}</p>
      <div class="dialog-acts">
        <button type="button" class="button" onClick={() => question.answer(false)}>
          {t("Cancel")}
        </button>
        <button type="button" class="button danger" onClick={() => question.answer(true)}>
          {question.act}
        </button>
      </div>
    </dialog>
  );
}
