/** Why a question with these files cannot be sent now, and what to do about it. */

import type { JSX } from "preact";
import { pickedModel } from "../session";
import { t } from "../words";
import { seeing } from "./attached";
import type { Hindrance } from "./fitness";

export const NOTE = "files-note";

export function HindranceNote({ hindrance }: { hindrance: Hindrance }): JSX.Element {
  return (
    <p class="files-note" id={NOTE} role="status" data-hindrance={hindrance}>
      {sentenceOf(hindrance)}
    </p>
  );
}

function sentenceOf(hindrance: Hindrance): string {
  switch (hindrance) {
    case "refused":
      return t("Take out what could not be added; then you can send.");
    case "unseen":
      return unseen();
    case "travelling":
      return t("You can send as soon as all of it has arrived.");
    case "reading":
      return t("You can send as soon as all of it is read.");
    default:
      return "";
  }
}

function unseen(): string {
  const picked = pickedModel.value;
  const model = picked?.label || picked?.name || "";
  const other = seeing.value;
  return other === null
    ? t("%(model)s cannot see pictures. Take them out to send.", { model })
    : t("%(model)s cannot see pictures. Pick %(other)s, or take them out.", {
        model,
        other: other.label || other.name,
      });
}
