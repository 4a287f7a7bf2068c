/** Presets to begin with, and keeping what is set as one of one's own. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { confirm } from "../Dialog";
import { Icon } from "../icons";
import { refusalOf, sentenceOf } from "../sentences";
import { pickedModel } from "../session";
import { t } from "../words";
import { change, chosen, usePreset } from "./chosen";
import { Field } from "./Field";
import type { Preset } from "./frames";
import { deletePreset, loadPresets, presets, savePreset } from "./presets";
import type { Try } from "./Sheet";

export function PresetFields({ tries }: { tries: Try }): JSX.Element {
  const [isSaving, setSaving] = useState(false);
  useEffect(() => {
    loadPresets().catch(() => undefined);
  }, []);
  const all = presets.value ?? [];
  const used = all.find((each) => each.id === chosen.value.preset_id) ?? null;
  const pick = (id: string): void => {
    const preset = all.find((each) => each.id === id);
    void tries(preset === undefined ? change({ preset_id: null }) : usePreset(preset));
  };
  return (
    <div class="field">
      <Field name={t("Preset")} about={used?.description ?? ""}>
        {(attributes) => (
          <select
            {...attributes}
            value={used?.id ?? ""}
            onChange={(event) => pick(event.currentTarget.value)}
          >
            <option value="">{t("None")}</option>
            <Group title={t("Yours")} all={all.filter((each) => each.is_own)} />
            <Group title={t("Published")} all={all.filter((each) => !each.is_own)} />
          </select>
        )}
      </Field>
      <div class="preset-acts">
        <button
          type="button"
          class="quiet"
          aria-expanded={isSaving}
          onClick={() => setSaving(!isSaving)}
        >
          {t("Save as a preset…")}
        </button>
        {used?.is_own && (
          <button type="button" class="quiet" onClick={() => void remove(used, tries)}>
            <Icon name="bin" />
            {t("Delete this preset")}
          </button>
        )}
      </div>
      {isSaving && <SaveForm from={used} tries={tries} close={() => setSaving(false)} />}
    </div>
  );
}

function Group({ title, all }: { title: string; all: Preset[] }): JSX.Element | null {
  return all.length === 0 ? null : (
    <optgroup label={title}>
      {all.map((each) => (
        <option key={each.id} value={each.id}>
          {`${each.icon} ${each.name}`.trim()}
        </option>
      ))}
    </optgroup>
  );
}

interface SaveProps {
  from: Preset | null;
  tries: Try;
  close: () => void;
}

function SaveForm({ from, tries, close }: SaveProps): JSX.Element {
  const own = from?.is_own ? from : null;
  const [name, setName] = useState(own?.name ?? "");
  const [icon, setIcon] = useState(own?.icon ?? "");
  const [description, setDescription] = useState(own?.description ?? "");
  const [starters, setStarters] = useState((own?.starters ?? []).join("\n"));
  const save = async (): Promise<string> => {
    try {
      const preset = await savePreset({
        name,
        icon,
        description,
        model_name: pickedModel.peek()?.name ?? "",
        starters: starters.split("\n").filter((line) => line.trim() !== ""),
        settings: chosen.peek(),
      });
      close();
      return await change({ preset_id: preset.id });
    } catch (error) {
      return sentenceOf(error);
    }
  };
  return (
    <form
      class="fields save-preset"
      onSubmit={(event) => {
        event.preventDefault();
        void tries(save());
      }}
    >
      <div class="icon-and-name">
        <label class="field">
          <span class="field-name">{t("Icon")}</span>
          <input
            value={icon}
            maxLength={16}
            onInput={(event) => setIcon(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span class="field-name">{t("Name")}</span>
          <input
            value={name}
            required
            maxLength={80}
            dir="auto"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      </div>
      <label class="field">
        <span class="field-name">{t("What it is for")}</span>
        <input
          value={description}
          maxLength={200}
          dir="auto"
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span class="field-name">{t("Starters, one on each line")}</span>
        <textarea
          rows={2}
          dir="auto"
          value={starters}
          onInput={(event) => setStarters(event.currentTarget.value)}
        />
      </label>
      <div class="dialog-acts">
        <button type="button" class="button" onClick={close}>
          {t("Cancel")}
        </button>
        <button type="submit" class="button strong">
          {t("Save the preset")}
        </button>
      </div>
    </form>
  );
}

async function remove(preset: Preset, tries: Try): Promise<void> {
  const isSure = await confirm({
    title: t("Delete this preset?"),
    text: preset.name,
    act: t("Delete"),
  });
  if (isSure) {
    await tries(refusalOf(deletePreset(preset.id)));
  }
}
