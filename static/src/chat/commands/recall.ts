/** Arrow up and down in an empty composer: what was asked in this conversation. */

import type { TargetedKeyboardEvent } from "preact";
import { shown } from "../talk/shown";

interface Recall {
  text: string;
  setText: (text: string) => void;
  recalled: number;
  setRecalled: (index: number) => void;
}

/** What was asked in this conversation, newest first, as long as nothing else is written. */
export function recalls(
  event: TargetedKeyboardEvent<HTMLTextAreaElement>,
  { text, setText, recalled, setRecalled }: Recall,
): boolean {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") {
    return false;
  }
  const now = shown.peek();
  const sent = now.is === "open" ? now.questions.map((each) => each.text).reverse() : [];
  const at = text === "" ? -1 : sent[recalled] === text ? recalled : null;
  const next = at === null ? null : at + (event.key === "ArrowUp" ? 1 : -1);
  if (next === null || next < -1 || next >= sent.length || (next === -1 && at === -1)) {
    return false;
  }
  event.preventDefault();
  setRecalled(next);
  setText(sent[next] ?? "");
  return true;
}
