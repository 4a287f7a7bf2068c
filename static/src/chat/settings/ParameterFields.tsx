/** Every parameter, with what it does and what the model does by itself. */

import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "../icons";
import { t } from "../words";
import { changeParameter, chosen, details } from "./chosen";
import type { Parameter, Value } from "./frames";
import type { Try } from "./Sheet";
import { useWritten } from "./written";

export function ParameterFields({ tries }: { tries: Try }): JSX.Element | null {
  const parameters = details.value?.parameters ?? [];
  const changed = Object.keys(chosen.value.parameters).length;
  return (
    <details class="field parameters" open={changed > 0}>
      <summary class="field-name">
        {changed === 0 ? t("Parameters") : t("Parameters, %(count)s changed", { count: changed })}
      </summary>
      {parameters.map((each) => (
        <ParameterField key={each.name} parameter={each} tries={tries} />
      ))}
    </details>
  );
}

function ParameterField({ parameter, tries }: { parameter: Parameter; tries: Try }): JSX.Element {
  const id = useId();
  const own = chosen.value.parameters[parameter.name];
  const usual = inWords(parameter.default);
  const written = useWritten(own === undefined ? "" : inWords(own), (text) =>
    tries(changeParameter(parameter.name, text.trim() === "" ? null : read(parameter, text))),
  );
  const shared = { id, "aria-describedby": `${id}-about`, placeholder: usual };
  return (
    <div class={`parameter ${own === undefined ? "" : "parameter-own"}`}>
      <label for={id}>{parameter.title}</label>
      <span class="parameter-value">
        {parameter.kind === "texts" ? (
          <textarea {...shared} {...written} rows={2} dir="auto" />
        ) : (
          <input
            {...shared}
            type="number"
            inputMode="decimal"
            min={parameter.least}
            max={parameter.most}
            step={parameter.kind === "whole" ? 1 : "any"}
            {...written}
          />
        )}
        {own !== undefined && (
          <button
            type="button"
            class="quiet"
            aria-label={t("%(name)s as the model does", { name: parameter.title })}
            onClick={() => void tries(changeParameter(parameter.name, null))}
          >
            <Icon name="retry" />
          </button>
        )}
      </span>
      <small id={`${id}-about`}>
        {parameter.explanation}{" "}
        {usual === "" ? t("By itself: none.") : t("By itself: %(value)s.", { value: usual })}
      </small>
    </div>
  );
}

function read(parameter: Parameter, text: string): Value {
  if (parameter.kind === "texts") {
    return text.split("\n").filter((line) => line !== "");
  }
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

function inWords(value: Value): string {
  return Array.isArray(value) ? value.join("\n") : String(value);
}
