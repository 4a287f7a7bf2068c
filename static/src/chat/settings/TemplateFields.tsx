/** The person's prompt templates: called by a slash and their name, with gaps to be filled. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../icons";
import { refusalOf } from "../sentences";
import { t } from "../words";
import { Field } from "./Field";
import type { Template } from "./frames";
import { filling, isSheetOpen } from "./openings";
import { deleteTemplate, loadTemplates, saveTemplate, templates } from "./presets";
import type { Try } from "./Sheet";

export function TemplateFields({ tries }: { tries: Try }): JSX.Element {
  const [written, setWritten] = useState<Template | null>(null);
  useEffect(() => {
    loadTemplates().catch(() => undefined);
  }, []);
  const all = templates.value ?? [];
  return (
    <details class="field parameters">
      <summary class="field-name">{t("Prompt templates")}</summary>
      <small>{t("Texts that you call by typing a slash and their name.")}</small>
      <ul class="templates">
        {all.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              class="quiet"
              onClick={() => {
                isSheetOpen.value = false;
                filling.value = each;
              }}
            >
              <bdi>/{each.name}</bdi>
            </button>
            {each.is_own && (
              <span>
                <button
                  type="button"
                  class="quiet"
                  aria-label={t("Change %(name)s", { name: each.name })}
                  onClick={() => setWritten(each)}
                >
                  <Icon name="pencil" />
                </button>
                <button
                  type="button"
                  class="quiet"
                  aria-label={t("Delete %(name)s", { name: each.name })}
                  onClick={() => void tries(refusalOf(deleteTemplate(each.id)))}
                >
                  <Icon name="bin" />
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {written === null ? (
        <button
          type="button"
          class="button"
          onClick={() => setWritten({ id: "", name: "", text: "", is_own: true })}
        >
          <Icon name="plus" />
          {t("New template")}
        </button>
      ) : (
        <TemplateForm
          key={written.id}
          template={written}
          tries={tries}
          close={() => setWritten(null)}
        />
      )}
    </details>
  );
}

interface FormProps {
  template: Template;
  tries: Try;
  close: () => void;
}

function TemplateForm({ template, tries, close }: FormProps): JSX.Element {
  const [name, setName] = useState(template.name);
  const [text, setText] = useState(template.text);
  const save = async (): Promise<string> => {
    const refused = await refusalOf(saveTemplate(name, text, template.id || null));
    if (refused === "") {
      close();
    }
    return refused;
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        void tries(save());
      }}
    >
      <label class="field">
        <span class="field-name">{t("Name")}</span>
        <input
          value={name}
          required
          maxLength={41}
          placeholder="translate"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <Field name={t("Text")} about={t("Each gap in double braces is asked for when you use it.")}>
        {(attributes) => (
          <textarea
            {...attributes}
            rows={4}
            required
            dir="auto"
            value={text}
            placeholder={t("Translate into {{language:English}}: {{text}}")}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <div class="dialog-acts">
        <button type="button" class="button" onClick={close}>
          {t("Cancel")}
        </button>
        <button type="submit" class="button strong">
          {t("Save the template")}
        </button>
      </div>
    </form>
  );
}
