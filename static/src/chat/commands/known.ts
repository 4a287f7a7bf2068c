/** The commands of the composer, in the order of their help; those of `ollama run`. */

import { t } from "../words";

export interface Known {
  /** As it is typed; what follows the first name in small letters is the person's to say. */
  usage: string;
  explanation: string;
}

export function known(): Known[] {
  return [
    { usage: "/set system …", explanation: t("What the model should always keep in mind") },
    { usage: "/set parameter …", explanation: t("One of the model's parameters, with its value") },
    { usage: "/set format json", explanation: t("Answer in JSON only") },
    { usage: "/set noformat", explanation: t("Answer in any form again") },
    { usage: "/set think", explanation: t("Let the model think first") },
    { usage: "/set nothink", explanation: t("Answer without thinking first") },
    { usage: "/set verbose", explanation: t("Show figures below each answer") },
    { usage: "/set quiet", explanation: t("Show no figures") },
    { usage: "/set wordwrap", explanation: t("Wrap long lines of code") },
    { usage: "/set nowordwrap", explanation: t("Leave long lines of code as they are") },
    { usage: "/set history", explanation: t("Arrow up brings back your last messages") },
    { usage: "/set nohistory", explanation: t("Arrow up brings nothing back") },
    { usage: "/show info", explanation: t("What this model is") },
    { usage: "/show license", explanation: t("Its licence") },
    { usage: "/show modelfile", explanation: t("What it was made from") },
    { usage: "/show parameters", explanation: t("What is set for it, and by whom") },
    { usage: "/show system", explanation: t("Its system prompt") },
    { usage: "/show template", explanation: t("How its prompts are written") },
    { usage: "/load …", explanation: t("Another model or preset, with a fresh context") },
    { usage: "/save …", explanation: t("Keep these settings as a preset of yours") },
    { usage: "/clear", explanation: t("A fresh context: the model forgets what was said") },
    { usage: "/list", explanation: t("The models you may use") },
    { usage: "/?", explanation: t("All commands") },
    { usage: "/? shortcuts", explanation: t("Keyboard shortcuts") },
  ];
}

/** What a slash alone offers: the first words, by what they are for. */
export function firstWords(): Known[] {
  return [
    { usage: "/set …", explanation: t("Prompt, parameters, form and thinking") },
    { usage: "/show …", explanation: t("What this model is, and what is set") },
    { usage: "/load …", explanation: t("Another model or preset, with a fresh context") },
    { usage: "/save …", explanation: t("Keep these settings as a preset of yours") },
    { usage: "/clear", explanation: t("A fresh context: the model forgets what was said") },
    { usage: "/list", explanation: t("The models you may use") },
    { usage: "/?", explanation: t("All commands") },
  ];
}

/** What of it is typed for the person: all that is not hers to say. */
export function typed(usage: string): string {
  return usage.endsWith("…") ? usage.slice(0, -1) : usage;
}
