/** `/show …`: what the model is, and what is set for it. */

import { pickedModel } from "../session";
import { chosen, details, open } from "../settings/chosen";
import type { AboutReply, Value } from "../settings/frames";
import { ask } from "../socket";
import { t } from "../words";
import type { Typed } from "./parse";
import { say } from "./said";

const OF_THE_MODEL = ["info", "license", "modelfile", "template"];

export async function show({ words }: Typed): Promise<void> {
  const topic = words[0]?.toLowerCase() ?? "info";
  if (OF_THE_MODEL.includes(topic)) {
    await about(topic);
  } else if (topic === "system") {
    await open();
    const text = chosen.peek().system || details.peek()?.modelSystem;
    say(text || t("No system prompt is set."), { isPlain: Boolean(text) });
  } else if (topic === "parameters") {
    await open();
    say(parametersInWords(), { isPlain: true });
  } else {
    say(t("There is nothing to show that is called “%(name)s”. Type /? show.", { name: topic }), {
      isWrong: true,
    });
  }
}

async function about(topic: string): Promise<void> {
  const model = pickedModel.peek();
  if (model === null) {
    return;
  }
  const reply = (await ask("model.show", { model_name: model.name, topic })) as AboutReply;
  const text = reply.text.trim();
  say(text || t("The model says nothing of this."), { isPlain: text !== "" });
}

function parametersInWords(): string {
  const { parameters } = chosen.peek();
  const lines = (details.peek()?.parameters ?? []).map(({ name, default: usual }) => {
    const own = parameters[name];
    const value = valueInWords(own ?? usual);
    return `${name.padEnd(18)} ${value}${own === undefined ? "" : `  (${t("set by you")})`}`;
  });
  return lines.join("\n");
}

function valueInWords(value: Value): string {
  return Array.isArray(value) ? value.map((each) => JSON.stringify(each)).join(" ") : String(value);
}
