/** What the shown conversation is set to. Kept by the server; for a new one, here until it is sent. */

import { computed, effect, signal } from "@preact/signals";
import * as memory from "../memory";
import { personId } from "../page";
import { refusalOf } from "../sentences";
import { pickedModel, pickModel } from "../session";
import { ask } from "../socket";
import { shown, shownId } from "../talk/shown";
import { t } from "../words";
import type { Chosen, Parameter, Preset, SettingsReply } from "./frames";

export const NOTHING: Chosen = {
  system: "",
  parameters: {},
  format: "",
  think: "",
  preset_id: null,
};

/** What a model says of itself where nothing is chosen. */
export interface Details {
  modelName: string;
  parameters: Parameter[];
  modelSystem: string;
  canThink: boolean;
}

const all = signal<Record<string, Chosen>>({ "": kept() });
const faces = signal<Record<string, Preset>>({});
export const details = signal<Details | null>(null);

export const chosen = computed<Chosen>(() => all.value[shownId.value ?? ""] ?? NOTHING);
export const chosenPreset = computed<Preset | null>(
  () => faces.value[chosen.value.preset_id ?? ""] ?? null,
);
/** How many things differ from what the model does by itself. */
export const chosenCount = computed(() => countOf(chosen.value));

export function countOf({ system, parameters, format, think }: Chosen): number {
  const single = [system, format, think].filter((each) => each !== "").length;
  return single + Object.keys(parameters).length;
}

/** Changes some of it. Returns why not, in a sentence, or nothing. */
export async function change(part: Partial<Chosen>): Promise<string> {
  const id = shownId.peek();
  const before = chosen.peek();
  const settings = { ...before, ...part };
  keep(id ?? "", settings);
  const refused = await refusalOf(
    id === null
      ? ask("settings.check", { settings })
      : ask("settings.change", { conversation_id: id, settings }),
  );
  if (refused !== "") {
    keep(id ?? "", before);
  }
  return refused;
}

/** One parameter, or back to the model's own with null. */
export function changeParameter(name: string, value: Parameter["default"] | null): Promise<string> {
  const { [name]: _gone, ...others } = chosen.peek().parameters;
  return change({ parameters: value === null ? others : { ...others, [name]: value } });
}

/** All that a preset sets, and the model it is made for, if she may use that. */
export async function usePreset(preset: Preset): Promise<string> {
  meet([preset]);
  if (preset.model_name !== "") {
    pickModel(preset.model_name);
  }
  return change({ ...preset.settings, preset_id: preset.id });
}

export function meet(presets: readonly Preset[]): void {
  const met = Object.fromEntries(presets.map((each) => [each.id, each]));
  faces.value = { ...faces.peek(), ...met };
}

/** What the first message of a new conversation takes along. */
export function forNew(): Chosen | null {
  const settings = all.peek()[""] ?? NOTHING;
  return countOf(settings) === 0 && settings.preset_id === null ? null : settings;
}

/** The new conversation is there now, set as its first message said. */
export function takenAlong(id: string, settings: Chosen | null): void {
  if (settings !== null) {
    keep(id, settings);
    keep("", NOTHING);
  }
}

export async function open(): Promise<void> {
  const id = shownId.peek();
  const model_name = pickedModel.peek()?.name ?? null;
  const reply = (await ask("settings.open", { conversation_id: id, model_name })) as SettingsReply;
  details.value = {
    modelName: model_name ?? "",
    parameters: reply.parameters,
    modelSystem: reply.model_system,
    canThink: reply.can_think,
  };
  if (reply.preset !== null) {
    meet([reply.preset]);
  }
  if (id !== null) {
    keep(id, reply.settings);
  }
}

/** Another tab or device may have changed it. */
export function reread(): void {
  if (shown.peek().is === "open") {
    void open().catch(() => undefined);
  }
}

/** From now on, what is shown is known. */
export function follow(): () => void {
  return effect(() => {
    const id = shown.value.is === "open" ? shown.value.id : null;
    if (id !== null && all.peek()[id] === undefined) {
      keep(id, NOTHING);
      reread();
    }
  });
}

/** In a few words, for the button that opens it. */
export function inWords(): string {
  const preset = chosenPreset.value;
  if (preset !== null) {
    return t("Settings: %(name)s", { name: preset.name });
  }
  return chosenCount.value === 0 ? t("Settings") : t("Settings: changed");
}

function keep(id: string, settings: Chosen): void {
  all.value = { ...all.peek(), [id]: settings };
  if (id === "") {
    const isNothing = forNew() === null;
    memory.write(keptName(), isNothing ? "" : JSON.stringify(settings), "tab");
  }
}

function kept(): Chosen {
  try {
    return { ...NOTHING, ...JSON.parse(memory.read(keptName(), "tab") ?? "{}") };
  } catch {
    return NOTHING;
  }
}

function keptName(): string {
  return `settings.${personId}`;
}
