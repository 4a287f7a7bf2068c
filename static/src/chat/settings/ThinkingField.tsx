/** Whether the model thinks before it answers, for models that can. */

import type { JSX } from "preact";
import { t } from "../words";
import { change, chosen, details } from "./chosen";
import { Field } from "./Field";
import type { Think } from "./frames";
import type { Try } from "./Sheet";

export function ThinkingField({ tries }: { tries: Try }): JSX.Element {
  const can = details.value?.canThink === true;
  const choices: [Think, string][] = [
    ["", t("As the model does")],
    ["on", t("Think first")],
    ["low", t("Think a little")],
    ["medium", t("Think some")],
    ["high", t("Think much")],
    ["off", t("Answer at once")],
  ];
  const about = can
    ? t("Thinking first takes longer and is often more right. You can unfold the thoughts.")
    : t("This model cannot think. What you choose is kept for one that can.");
  return (
    <Field name={t("Thinking")} about={about}>
      {(attributes) => (
        <select
          {...attributes}
          value={chosen.value.think}
          onChange={(event) => void tries(change({ think: event.currentTarget.value as Think }))}
        >
          {choices.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
