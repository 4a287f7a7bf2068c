/** Does what a command of the composer says. Loaded when the first one is given. */

import * as context from "../context/context";
import { sentenceOf } from "../sentences";
import { choosable, pickedModel, pickModel } from "../session";
import * as chosen from "../settings/chosen";
import { isSame, loadPresets, presets, savePreset } from "../settings/presets";
import {
  load as loadModel,
  look,
  inWords as standingInWords,
  standingOf,
} from "../settings/standings";
import { shown, startNew } from "../talk/shown";
import { t } from "../words";
import { help } from "./help";
import type { Typed } from "./parse";
import { said, say } from "./said";
import { set } from "./set";
import { show } from "./show";

type Act = (typed: Typed) => void | Promise<void>;

const ACTS: [string, Act][] = [
  ["list", list],
  ["load", load],
  ["save", save],
  ["clear", clear],
  ["set", set],
  ["show", show],
  ["help", help],
  ["?", help],
  ["bye", () => startNew()],
  ["exit", () => startNew()],
];

/** False when there is no such command. A beginning of its name is enough, as in the terminal. */
export function knows(name: string): boolean {
  return actOf(name) !== undefined;
}

/** True when it was done, so that the composer may be emptied. */
export async function run(typed: Typed): Promise<boolean> {
  const act = actOf(typed.name);
  if (act === undefined) {
    say(
      t(
        "There is no command “/%(name)s”. Type /? for all of them, or put a space in front to send it as it is.",
        { name: typed.name },
      ),
      { isWrong: true },
    );
    return false;
  }
  say("");
  try {
    await act(typed);
  } catch (error) {
    say(sentenceOf(error), { isWrong: true });
  }
  return said.peek()?.isWrong !== true;
}

function actOf(name: string): Act | undefined {
  return ACTS.find(([known]) => known.startsWith(name) || name.startsWith(known))?.[1];
}

async function list(): Promise<void> {
  await look();
  const lines = choosable.peek().map((model) => {
    const standing = standingInWords(standingOf(model.name));
    return standing === "" ? model.name : `${model.name} – ${standing}`;
  });
  say(lines.join("\n"), { isPlain: true });
}

async function load({ rest, words }: Typed): Promise<void> {
  if (words.length === 0) {
    say(t("Say which: /load, a space, and the name of a model or preset."), { isWrong: true });
    return;
  }
  const model = choosable
    .peek()
    .find((each) => isSame(each.name, rest) || isSame(each.label, rest));
  if (model === undefined) {
    await loadPreset(rest);
    return;
  }
  pickModel(model.name);
  await freshContext();
  await untilLoaded(model.name);
}

async function loadPreset(name: string): Promise<void> {
  const found = (presets.peek() ?? (await loadPresets())).find((each) => isSame(each.name, name));
  if (found === undefined) {
    say(t("There is no model or preset “%(name)s” that you may use.", { name }), { isWrong: true });
    return;
  }
  const refused = await chosen.usePreset(found);
  say(refused || t("From now on: %(name)s.", { name: found.name }), { isWrong: refused !== "" });
}

async function untilLoaded(name: string): Promise<void> {
  const telling = t("Loading %(name)s…", { name });
  say(telling);
  let last = said.peek();
  await loadModel(
    name,
    (standing) => {
      const words = standing.state === "loaded" ? t("%(name)s is ready.", { name }) : telling;
      const percent = standing.progress === null ? "" : ` ${Math.round(standing.progress * 100)} %`;
      say(standing.state === "loaded" ? words : words + percent);
      last = said.peek();
    },
    // Dismissed, or something else was said: nobody waits for it here any more.
    () => said.peek() !== last,
  );
}

async function freshContext(): Promise<void> {
  if (shown.peek().is === "open") {
    await context.clear();
  }
}

async function save({ rest }: Typed): Promise<void> {
  if (rest === "") {
    say(t("Say how to call it: /save, a space, and a name."), { isWrong: true });
    return;
  }
  const preset = await savePreset({
    name: rest,
    icon: "",
    description: "",
    model_name: pickedModel.peek()?.name ?? "",
    starters: [],
    settings: chosen.chosen.peek(),
  });
  say(t("Saved as “%(name)s”. Begin with it by /load %(name)s.", { name: preset.name }));
}

async function clear(): Promise<void> {
  await freshContext();
  say(t("The model forgets what was said. You still see it, and may bring it back."));
}
