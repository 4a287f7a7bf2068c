/** The form of the answer: free text, JSON, or JSON as a schema says. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../words";
import { change, chosen } from "./chosen";
import type { Try } from "./Sheet";
import { useWritten } from "./written";

type Kind = "" | "json" | "schema";

const EXAMPLE = `{
  "type": "object",
  "properties": {
    "name": { "type": "string" }
  },
  "required": ["name"]
}`;

export function FormatField({ tries }: { tries: Try }): JSX.Element {
  const { format } = chosen.value;
  const stored: Kind = format === "" || format === "json" ? format : "schema";
  const [isBegun, setBegun] = useState(false);
  const written = useWritten(stored === "schema" ? format : "", (text) =>
    tries(change({ format: text })),
  );
  const kind: Kind = isBegun ? "schema" : stored;
  const kinds: [Kind, string][] = [
    ["", t("Free text")],
    ["json", t("JSON")],
    ["schema", t("JSON Schema")],
  ];
  const pick = (to: Kind): void => {
    // A schema is nothing before it is written.
    setBegun(to === "schema");
    if (to !== "schema") {
      void tries(change({ format: to }));
    }
  };
  return (
    <div class="field">
      <fieldset class="choice">
        <legend class="field-name">{t("Form of the answer")}</legend>
        {kinds.map(([value, words]) => (
          <label key={value}>
            <input
              type="radio"
              name="format"
              value={value}
              checked={kind === value}
              onChange={() => pick(value)}
            />
            <span>{words}</span>
          </label>
        ))}
      </fieldset>
      {kind !== "" && (
        <small>
          {t("The model cannot write anything else then. Say in your question what you want.")}
        </small>
      )}
      {kind === "schema" && (
        <textarea
          rows={8}
          dir="ltr"
          class="code-field"
          spellcheck={false}
          aria-label={t("JSON Schema")}
          placeholder={EXAMPLE}
          {...written}
        />
      )}
    </div>
  );
}
