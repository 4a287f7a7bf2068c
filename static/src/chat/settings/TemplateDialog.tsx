/** Asks for the gaps of a prompt template; the filled text goes to the composer, not to the model. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { suggest } from "../suggestion";
import { t } from "../words";
import { filled, gapsOf } from "./gaps";
import { Modal } from "./Modal";
import { filling } from "./openings";

const LONG_CHARS = 40;

export function TemplateDialog(): JSX.Element | null {
  const [values, setValues] = useState<Record<string, string>>({});
  const template = filling.value;
  if (template === null) {
    return null;
  }
  const close = (): void => {
    filling.value = null;
  };
  return (
    <Modal title={`/${template.name}`} shape="box" focus="textarea" close={close}>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          close();
          suggest(filled(template.text, values));
        }}
      >
        {gapsOf(template.text).map(({ name, usual }) => (
          <label key={name} class="field">
            <span class="field-name">{name}</span>
            <textarea
              rows={(values[name] ?? usual).length > LONG_CHARS ? 4 : 1}
              dir="auto"
              value={values[name] ?? ""}
              placeholder={usual}
              onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
            />
          </label>
        ))}
        <div class="dialog-acts">
          <button type="button" class="button" onClick={close}>
            {t("Cancel")}
          </button>
          <button type="submit" class="button strong">
            {t("Put into the message")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
