/** Pure: what a begun command may become. */

import { type Known, typed } from "./known";

export interface Completion extends Known {
  /** What the composer holds when it is taken. */
  text: string;
  /** Nothing more is needed: Enter does it. */
  isWhole: boolean;
}

const MOST = 10;
/** Beside the commands, where nothing more is typed than the slash. */
const MOST_TEMPLATES = 3;

export interface Sources {
  firstWords: readonly Known[];
  commands: readonly Known[];
  templates: readonly { name: string; text: string }[];
  parameters: readonly { name: string; title: string }[];
  models: readonly string[];
  presets: readonly string[];
}

/** Likeliest first; none once there is nothing left to complete. */
export function completionsOf(text: string, from: Sources): Completion[] {
  if (!text.startsWith("/") || text.includes("\n")) {
    return [];
  }
  const begun = text.toLowerCase().replace(/\s+/g, " ");
  const values = valuesOf(begun, from);
  if (values !== null) {
    return fitting(begun, values);
  }
  const known = begun.includes(" ") ? from.commands : from.firstWords;
  const commands = known.map((each) => whole(each.usage, each.explanation));
  const called = begun === "/" ? from.templates.slice(0, MOST_TEMPLATES) : from.templates;
  const templates = called.map((each) => whole(`/${each.name}`, firstLine(each.text)));
  return fitting(begun, [...templates, ...commands]);
}

function valuesOf(begun: string, from: Sources): Completion[] | null {
  if (begun.startsWith("/set parameter ")) {
    return from.parameters.map((each) => whole(`/set parameter ${each.name} …`, each.title));
  }
  if (begun.startsWith("/load ")) {
    const models = from.models.map((each) => whole(`/load ${each}`, ""));
    return [...models, ...from.presets.map((each) => whole(`/load ${each}`, ""))];
  }
  return null;
}

function whole(usage: string, explanation: string): Completion {
  const text = typed(usage);
  return { usage, explanation, text, isWhole: text === usage };
}

function fitting(begun: string, all: readonly Completion[]): Completion[] {
  const found = all.filter((each) => each.text.toLowerCase().startsWith(begun.trimStart()));
  return found.some((each) => each.text.toLowerCase() === begun && !each.isWhole)
    ? []
    : found.slice(0, MOST);
}

function firstLine(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
