/** What a new conversation looks like before the first word. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { refusal } from "./sending";
import { choosable, isWelcome, offered, person } from "./session";
import { change, chosen, chosenPreset, NOTHING, usePreset } from "./settings/chosen";
import type { Preset } from "./settings/frames";
import { loadPresets, presets } from "./settings/presets";
import { suggest } from "./suggestion";
import { t } from "./words";

export function EmptyState(): JSX.Element {
  if (isWelcome.value && offered.value.length === 0) {
    return (
      <div class="empty">
        <h1>{t("No model is ready for you yet")}</h1>
        <p>{t("Please ask your administrator to give you access to a model.")}</p>
      </div>
    );
  }
  if (isWelcome.value && choosable.value.length === 0) {
    return (
      <div class="empty" role="status">
        <h1>{t("Your first model is being checked")}</h1>
        <p>{t("It is new here. In a moment you can ask it.")}</p>
      </div>
    );
  }
  const name = person.value?.name.split(" ")[0] ?? "";
  return (
    <div class="empty">
      <h1>
        {name === "" ? (
          t("How can I help?")
        ) : (
          <bdi>{t("Hello %(name)s, how can I help?", { name })}</bdi>
        )}
      </h1>
      <p>{t("Your words stay inside your company.")}</p>
      <Presets />
      <ul class="starters">
        {starters().map(([title, text]) => (
          <li key={title}>
            <button type="button" onClick={() => suggest(text || title)}>
              <strong>{title}</strong>
              {text !== "" && <span>{text}</span>}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

const MOST_PRESETS = 8;

/** What a conversation can be begun as. Pressed again, it is an ordinary one. */
function Presets(): JSX.Element | null {
  useEffect(() => {
    if (isWelcome.value) {
      loadPresets().catch(() => undefined);
    }
  }, [isWelcome.value]);
  const all = (presets.value ?? []).slice(0, MOST_PRESETS);
  if (all.length === 0) {
    return null;
  }
  const pick = async (preset: Preset): Promise<void> => {
    const isOn = chosen.peek().preset_id === preset.id;
    refusal.value = await (isOn ? change(NOTHING) : usePreset(preset));
  };
  return (
    <fieldset class="presets" aria-label={t("Presets")}>
      {all.map((each) => (
        <button
          key={each.id}
          type="button"
          aria-pressed={chosen.value.preset_id === each.id}
          title={each.description}
          onClick={() => void pick(each)}
        >
          {each.icon !== "" && <span aria-hidden="true">{each.icon}</span>}
          <bdi>{each.name}</bdi>
        </button>
      ))}
    </fieldset>
  );
}

/** Those of the preset, if it has any. */
function starters(): [string, string][] {
  const own = chosenPreset.value?.starters ?? [];
  if (own.length > 0) {
    return own.map((text) => [text, ""]);
  }
  return [
    [t("Write"), t("Draft a polite email that moves a meeting to next week.")],
    [t("Understand"), t("Explain this to me in simple words: ")],
    [t("Plan"), t("Make a checklist for welcoming a new colleague.")],
    [t("Code"), t("Write a Python function that reads a CSV file.")],
  ];
}
