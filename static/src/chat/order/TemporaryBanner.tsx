/** Says above a temporary conversation what it is, and lets her keep it. */

import type { JSX } from "preact";
import { t } from "../words";
import { tried } from "./shelves";
import { keepTemporary, temporaryId } from "./temporary";

export function TemporaryBanner(): JSX.Element | null {
  const id = temporaryId.value;
  if (id === null) {
    return null;
  }
  return (
    <div class="temporary">
      <p>
        <strong>{t("Temporary chat")}</strong>{" "}
        {t("It is in no list and no search, and gone for good when you leave it.")}
      </p>
      <button type="button" class="quiet" onClick={() => void tried(keepTemporary(id))}>
        {t("Keep this chat")}
      </button>
    </div>
  );
}
