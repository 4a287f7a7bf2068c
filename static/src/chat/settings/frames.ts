/** The frames about settings, presets and models. Part of the closed list in `../frames.ts`. */

export type Think = "" | "off" | "on" | "low" | "medium" | "high";
export type Value = number | string | string[];

export interface Chosen {
  system: string;
  parameters: Record<string, Value>;
  format: string;
  think: Think;
  preset_id: string | null;
}

export interface Parameter {
  name: string;
  kind: "whole" | "real" | "texts";
  title: string;
  explanation: string;
  least: number;
  most: number;
  step: number;
  default: Value;
}

export interface Preset {
  id: string;
  name: string;
  icon: string;
  description: string;
  model_name: string;
  starters: string[];
  settings: Chosen;
  /** Hers, and so hers to change. */
  is_own: boolean;
}

export interface Template {
  id: string;
  name: string;
  text: string;
  is_own: boolean;
}

export interface Standing {
  model_name: string;
  state: "loaded" | "loading" | "away" | "unknown";
  progress: number | null;
  bytes: number;
  /** Others must go for it. */
  makes_way: boolean;
}

export interface SettingsReply {
  type: "settings";
  ref: number;
  settings: Chosen;
  preset: Preset | null;
  parameters: Parameter[];
  model_system: string;
  can_think: boolean;
}

export interface PresetsReply {
  type: "presets";
  ref: number;
  presets: Preset[];
}

export interface PresetReply {
  type: "preset";
  ref: number;
  preset: Preset;
}

export interface TemplatesReply {
  type: "templates";
  ref: number;
  templates: Template[];
}

export interface TemplateReply {
  type: "template";
  ref: number;
  template: Template;
}

export interface StandingsReply {
  type: "standings";
  ref: number;
  standings: Standing[];
}

export interface AboutReply {
  type: "about";
  ref: number;
  text: string;
}

export type SettingsFrames =
  | SettingsReply
  | PresetsReply
  | PresetReply
  | TemplatesReply
  | TemplateReply
  | StandingsReply
  | AboutReply;

export const SETTINGS_REPLIES = [
  "settings",
  "presets",
  "preset",
  "templates",
  "template",
  "standings",
  "about",
] as const;
