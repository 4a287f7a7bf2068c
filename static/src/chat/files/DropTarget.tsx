/** Where files may be let go: the whole of the conversation. */

import type { JSX } from "preact";
import { Icon } from "../icons";
import { t } from "../words";
import "./files.css";

export function DropTarget(): JSX.Element {
  return (
    <div class="drop-target" aria-hidden="true">
      <Icon name="clip" />
      {t("Drop files here to ask about them")}
    </div>
  );
}
