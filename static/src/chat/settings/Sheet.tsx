/** What this conversation is set to: preset, system prompt, form of the answer, parameters. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { sentenceOf } from "../sentences";
import { pickedModel } from "../session";
import { t } from "../words";
import { change, chosen, chosenCount, details, NOTHING, open } from "./chosen";
import { Field } from "./Field";
import { FormatField } from "./FormatField";
import { Modal } from "./Modal";
import { isCheatSheetOpen, isSheetOpen } from "./openings";
import { ParameterFields } from "./ParameterFields";
import { PresetFields } from "./PresetFields";
import { TemplateFields } from "./TemplateFields";
import { ThinkingField } from "./ThinkingField";
import { useWritten } from "./written";

/** Says how it went; true when it was done. */
export type Try = (act: Promise<string>) => Promise<boolean>;

export function Sheet(): JSX.Element {
  const [told, setTold] = useState({ words: "", isWrong: false });
  const model = pickedModel.value;
  useEffect(() => {
    open().catch((error: unknown) => setTold({ words: sentenceOf(error), isWrong: true }));
  }, [model?.name]);
  const tries: Try = async (act) => {
    const refused = await act;
    setTold({ words: refused || t("Saved."), isWrong: refused !== "" });
    return refused === "";
  };
  return (
    <Modal
      title={t("Settings of this conversation")}
      shape="side"
      close={() => {
        isSheetOpen.value = false;
      }}
    >
      <div class="fields">
        <PresetFields tries={tries} />
        <SystemField tries={tries} />
        <ThinkingField tries={tries} />
        <FormatField tries={tries} />
        <ParameterFields tries={tries} />
        <TemplateFields tries={tries} />
      </div>
      <footer class="modal-foot">
        <p class={told.isWrong ? "wrong" : ""} role={told.isWrong ? "alert" : "status"}>
          {told.words}
        </p>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            isSheetOpen.value = false;
            isCheatSheetOpen.value = true;
          }}
        >
          {t("Keyboard shortcuts")}
        </button>
        <button
          type="button"
          class="button"
          disabled={chosenCount.value === 0 && chosen.value.preset_id === null}
          onClick={() => void tries(change(NOTHING))}
        >
          {t("Reset all")}
        </button>
      </footer>
    </Modal>
  );
}

function SystemField({ tries }: { tries: Try }): JSX.Element {
  const written = useWritten(chosen.value.system, (system) => tries(change({ system })));
  return (
    <Field
      name={t("System prompt")}
      about={t("What the model should keep in mind in every answer.")}
    >
      {(attributes) => (
        <textarea
          {...attributes}
          {...written}
          rows={4}
          dir="auto"
          placeholder={details.value?.modelSystem || t("Such as: Answer briefly, in plain words.")}
        />
      )}
    </Field>
  );
}
