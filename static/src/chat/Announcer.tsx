/** The quiet voice of the page: one polite region, a sentence at a time. */

import { effect, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { announcement } from "./announce";
import type { Answer } from "./generations";
import { askedId, runningId } from "./sending";
import { answerOf } from "./stream";

const KEPT = 12;

const said = signal<{ key: number; words: string }[]>([]);

export function Announcer(): JSX.Element {
  useEffect(listen, []);
  return (
    <div class="visually-hidden" role="status" aria-live="polite" aria-atomic="false">
      {said.value.map((each) => (
        <p key={each.key}>{each.words}</p>
      ))}
    </div>
  );
}

function listen(): () => void {
  let watched = "";
  let before: Answer | null = null;
  let saidChars = 0;
  let key = 0;
  let lastAsked: string | null = null;
  return effect(() => {
    // Stay with an answer until its end has been told, then go on to the next.
    const running = runningId.value;
    const asked = askedId.value === lastAsked ? null : askedId.value;
    lastAsked = askedId.value;
    if (running !== null && running !== watched) {
      watched = running;
      before = null;
      saidChars = answerOf(running)?.peek().text.length ?? 0;
    } else if (running === null && asked !== null && asked !== watched) {
      // So quick that it was over when this tab first heard of it.
      watched = asked;
      const all = answerOf(asked)?.peek();
      before = all === undefined ? null : { ...all, state: "queued" };
      saidChars = 0;
    }
    const after = answerOf(watched)?.value;
    if (after === undefined || after === before) {
      return;
    }
    const told = announcement(before, after, saidChars);
    saidChars = told.saidChars;
    before = after;
    if (told.words.length > 0) {
      const fresh = told.words.filter(Boolean).map((words) => {
        key += 1;
        return { key, words };
      });
      said.value = [...said.peek(), ...fresh].slice(-KEPT);
    }
  });
}
