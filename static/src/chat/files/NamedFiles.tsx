/** Files of somebody else's question: what they were called, and no more. */

import type { JSX } from "preact";
import { t } from "../words";
import { endingOf } from "./fitness";
import { Leaf } from "./Parts";
import "./files.css";

export function NamedFiles({ names }: { names: readonly string[] }): JSX.Element | null {
  if (names.length === 0) {
    return null;
  }
  return (
    <div class="asked-files">
      <ul aria-label={t("Files of this question")}>
        {names.map((name, index) => (
          <li key={index} class="paper">
            <Leaf name={name} icon="page" words={endingOf(name) || t("File")} />
          </li>
        ))}
      </ul>
    </div>
  );
}
