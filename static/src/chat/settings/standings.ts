/** Which models are in memory, as far as was told; and asking for one to be loaded. */

import { signal } from "@preact/signals";
import { models } from "../session";
import { ask } from "../socket";
import { locale, t } from "../words";
import type { Standing, StandingsReply } from "./frames";

const LOOK_AGAIN_MS = 1_000;
/** An asking lasts ten seconds on the server. */
const ASK_AGAIN_LOOKS = 5;

export const standings = signal<Record<string, Standing>>({});

export async function look(): Promise<void> {
  const reply = (await ask("models.look")) as StandingsReply;
  standings.value = Object.fromEntries(reply.standings.map((each) => [each.model_name, each]));
}

/** Also by a stable name: what counts is the model behind it. */
export function standingOf(modelName: string): Standing | null {
  const behind = models.value.find((each) => each.name === modelName)?.stands_for || modelName;
  return standings.value[behind] ?? null;
}

export function inWords(standing: Standing | null): string {
  if (standing === null || standing.state === "unknown") {
    return "";
  }
  const size = sizeInWords(standing.bytes);
  if (standing.state === "loaded") {
    return t("ready, %(size)s of memory", { size });
  }
  if (standing.state === "loading") {
    return t("loading, %(percent)s %", { percent: Math.round((standing.progress ?? 0) * 100) });
  }
  return standing.makes_way
    ? t("not loaded; another model makes way for %(size)s", { size })
    : t("not loaded; needs at least %(size)s", { size });
}

/** Asks for it until it is there. `tell` hears of each step; it ends when `isOver` says so. */
export async function load(
  modelName: string,
  tell: (standing: Standing) => void,
  isOver: () => boolean,
): Promise<void> {
  for (let looks = 0; !isOver(); looks += 1) {
    if (looks % ASK_AGAIN_LOOKS === 0) {
      await ask("model.load", { model_name: modelName });
    }
    await look();
    const standing = standingOf(modelName);
    if (standing === null || standing.state === "unknown") {
      return;
    }
    tell(standing);
    if (standing.state === "loaded") {
      return;
    }
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

export function sizeInWords(bytes: number): string {
  const [amount, unit] = bytes < 1e9 ? [bytes / 1e6, "megabyte"] : [bytes / 1e9, "gigabyte"];
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: unit as string,
    maximumFractionDigits: (amount as number) < 10 ? 1 : 0,
  }).format(amount as number);
}
