/** `/set parameter NAME VALUE …`: what was typed becomes a value. The server checks it. */

import { change, changeParameter, chosen, details, open } from "../settings/chosen";
import type { Parameter, Value } from "../settings/frames";
import { t } from "../words";
import { say } from "./said";

export async function setParameter(words: string[]): Promise<void> {
  const [name = "", ...given] = words;
  await open();
  const all = details.peek()?.parameters ?? [];
  if (name === "" || given.length === 0) {
    say(usage(all), { isPlain: true });
    return;
  }
  const parameter = all.find((each) => each.name === name.toLowerCase());
  const value = parameter === undefined ? given.join(" ") : asValue(parameter, given);
  const refused =
    parameter === undefined
      ? await change({ parameters: { ...chosen.peek().parameters, [name]: value } })
      : await changeParameter(name, value);
  const done = t("%(name)s is %(value)s now.", { name, value: given.join(", ") });
  say(refused || done, { isWrong: refused !== "" });
}

function asValue(parameter: Parameter, given: string[]): Value {
  if (parameter.kind === "texts") {
    return given.map((each) => each.replace(/^"(.*)"$/, "$1"));
  }
  const number = Number(given[0]);
  // What is no number goes as it is, and the server says what would be one.
  return given.length === 1 && Number.isFinite(number) ? number : given.join(" ");
}

function usage(all: readonly Parameter[]): string {
  const widest = Math.max(...all.map((each) => each.name.length), 0);
  return all.map((each) => `${each.name.padEnd(widest)}  ${each.title}`).join("\n");
}
