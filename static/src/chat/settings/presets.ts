/** Presets and templates: the person's own, and what the administration published to her. */

import { signal } from "@preact/signals";
import { newKey } from "../keys";
import { ask } from "../socket";
import { meet } from "./chosen";
import type {
  Chosen,
  Preset,
  PresetReply,
  PresetsReply,
  Template,
  TemplateReply,
  TemplatesReply,
} from "./frames";

export const presets = signal<Preset[] | null>(null);
export const templates = signal<Template[] | null>(null);

export type PresetFields = Omit<Preset, "id" | "is_own">;

export async function loadPresets(): Promise<Preset[]> {
  const reply = (await ask("presets.list")) as PresetsReply;
  presets.value = reply.presets;
  meet(reply.presets);
  return reply.presets;
}

/** Makes one, or changes her own one of this name. */
export async function savePreset(fields: PresetFields): Promise<Preset> {
  const known = presets.peek() ?? (await loadPresets());
  const own = known.find((each) => each.is_own && isSame(each.name, fields.name));
  const reply = (await ask("preset.save", {
    preset_id: own?.id ?? null,
    client_key: newKey(),
    preset: { ...fields, settings: plain(fields.settings) },
  })) as PresetReply;
  await loadPresets();
  return reply.preset;
}

export async function deletePreset(id: string): Promise<void> {
  await ask("preset.delete", { preset_id: id });
  presets.value = presets.peek()?.filter((each) => each.id !== id) ?? null;
}

export async function loadTemplates(): Promise<Template[]> {
  const reply = (await ask("templates.list")) as TemplatesReply;
  templates.value = reply.templates;
  return reply.templates;
}

export async function saveTemplate(name: string, text: string, id: string | null): Promise<void> {
  (await ask("template.save", {
    template_id: id,
    client_key: newKey(),
    name,
    text,
  })) as TemplateReply;
  await loadTemplates();
}

export async function deleteTemplate(id: string): Promise<void> {
  await ask("template.delete", { template_id: id });
  templates.value = templates.peek()?.filter((each) => each.id !== id) ?? null;
}

function plain(settings: Chosen): Chosen {
  return { ...settings, preset_id: null };
}

export function isSame(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
