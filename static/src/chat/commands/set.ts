/** `/set …`: for this conversation, or for this device. */

import * as chosen from "../settings/chosen";
import { isSheetOpen } from "../settings/openings";
import { hasHistory, isVerbose, isWrapped } from "../settings/preferences";
import { t } from "../words";
import { type Typed, unquotedValue } from "./parse";
import { say } from "./said";
import { setParameter } from "./values";

export async function set(typed: Typed): Promise<void> {
  const [what = "", ...words] = typed.words;
  const act = SETS[what.toLowerCase()];
  if (act === undefined) {
    if (what === "") {
      isSheetOpen.value = true;
      return;
    }
    say(t("There is nothing to set that is called “%(name)s”. Type /? set.", { name: what }), {
      isWrong: true,
    });
    return;
  }
  await act(words, typed.rest.slice(what.length).trim());
}

const SETS: Record<string, (words: string[], rest: string) => void | Promise<void>> = {
  system: async (_words, rest) => {
    const system = unquotedValue(rest);
    if (system === "") {
      say(t("Say what: /set system, a space, and the text."), { isWrong: true });
      return;
    }
    tell(await chosen.change({ system }), t("The system prompt is set."));
  },
  parameter: setParameter,
  format: async (words, rest) => {
    const format = words[0]?.toLowerCase() === "json" ? "json" : rest;
    if (format === "") {
      say(t("Say which: /set format json, or a JSON Schema behind it."), { isWrong: true });
      return;
    }
    tell(await chosen.change({ format }), t("Answers will be JSON."));
  },
  noformat: async () => {
    tell(await chosen.change({ format: "" }), t("Answers have any form again."));
  },
  think: async ([level = "on"]) => {
    const word = level.toLowerCase();
    if (word !== "on" && word !== "low" && word !== "medium" && word !== "high") {
      say(t("Thinking is low, medium or high, or just /set think."), { isWrong: true });
      return;
    }
    await chosen.open();
    const can = chosen.details.peek()?.canThink === true;
    const done = can ? t("It thinks first.") : t("This model cannot think; another one will.");
    tell(await chosen.change({ think: word }), done);
  },
  nothink: async () => {
    tell(await chosen.change({ think: "off" }), t("It answers without thinking first."));
  },
  verbose: () => like(isVerbose, true, t("Figures are shown below each answer.")),
  quiet: () => like(isVerbose, false, t("Figures are shown when you ask for them.")),
  wordwrap: () => like(isWrapped, true, t("Long lines of code are wrapped.")),
  nowordwrap: () => like(isWrapped, false, t("Long lines of code stay as they are.")),
  history: () => like(hasHistory, true, t("Arrow up brings back your last messages.")),
  nohistory: () => like(hasHistory, false, t("Arrow up brings nothing back.")),
};

function like(liked: { value: boolean }, is: boolean, words: string): void {
  liked.value = is;
  say(words);
}

function tell(refused: string, done: string): void {
  say(refused || done, { isWrong: refused !== "" });
}
