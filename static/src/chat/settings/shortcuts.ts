/** The keys that work everywhere on the page. All with a modifier: none is in the way of typing. */

import { copy } from "../copying";
import { panel } from "../order/openings";
import { runningId, stop } from "../sending";
import { answerOf } from "../stream";
import { lastAnswerId, startNew } from "../talk/shown";
import { t } from "../words";
import { isCheatSheetOpen, isSheetOpen } from "./openings";

export interface Shortcut {
  keys: string[];
  words: string;
}

const isApple = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
const CONTROL = isApple ? "⌘" : "Ctrl";

export function shortcuts(): { title: string; shortcuts: Shortcut[] }[] {
  return [
    {
      title: t("While you write"),
      shortcuts: [
        { keys: ["Enter"], words: t("Send the message") },
        { keys: ["Shift", "Enter"], words: t("New line") },
        { keys: ['"""'], words: t("Several lines, until the same again") },
        { keys: ["/"], words: t("Commands and prompt templates, at the start") },
        { keys: ["Tab"], words: t("Take the marked completion") },
        { keys: ["↑"], words: t("Your last messages, in an empty box") },
        { keys: [CONTROL, "V"], words: t("Paste text, or attach copied pictures and files") },
      ],
    },
    {
      title: t("Everywhere"),
      shortcuts: [
        { keys: [CONTROL, "Shift", "O"], words: t("New chat") },
        { keys: [CONTROL, "K"], words: t("Search your chats") },
        { keys: ["Shift", "Esc"], words: t("To the message box") },
        { keys: [CONTROL, "Shift", "S"], words: t("Stop the answer") },
        { keys: [CONTROL, "Shift", "C"], words: t("Copy the last answer") },
        { keys: [CONTROL, "Shift", "M"], words: t("Choose the model") },
        { keys: [CONTROL, ","], words: t("Settings of this conversation") },
        { keys: [CONTROL, "/"], words: t("This sheet") },
        { keys: ["Esc"], words: t("Close what is open") },
      ],
    },
  ];
}

/** By the place of the key, so that they work with every keyboard. */
const ACTS: Record<string, () => void> = {
  "control shift KeyO": () => startNew(),
  "control KeyK": () => {
    panel.value = { is: "search" };
  },
  "shift Escape": () => focus("textarea"),
  "control shift KeyS": () => {
    const running = runningId.peek();
    if (running !== null) {
      stop(running);
    }
  },
  "control shift KeyC": () => void copyLastAnswer(),
  "control shift KeyM": () => document.querySelector<HTMLElement>(".picker-button")?.click(),
  "control Comma": () => {
    isSheetOpen.value = !isSheetOpen.peek();
  },
  "control Slash": () => {
    isCheatSheetOpen.value = !isCheatSheetOpen.peek();
  },
};

/** From the first moment on: what a key opens is shown as soon as anything is. */
export function listen(): void {
  document.addEventListener("keydown", onKeyDown);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.altKey || event.isComposing) {
    return;
  }
  const control = event.ctrlKey || event.metaKey ? "control " : "";
  const act = ACTS[`${control}${event.shiftKey ? "shift " : ""}${event.code}`];
  if (act !== undefined) {
    event.preventDefault();
    act();
  }
}

function focus(selector: string): void {
  document.querySelector<HTMLElement>(`.composer ${selector}`)?.focus();
}

async function copyLastAnswer(): Promise<void> {
  const text = answerOf(lastAnswerId.peek() ?? "")?.peek().text ?? "";
  if (text !== "") {
    await copy(text);
  }
}
