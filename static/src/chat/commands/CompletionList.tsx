/** What a begun command may become, above the composer. The textarea hears its keys. */

import type { JSX } from "preact";
import { t } from "../words";
import type { Completion } from "./completions";

export const LIST = "completions";

interface Props {
  found: Completion[];
  active: number;
  take: (completion: Completion) => void;
}

export function CompletionList({ found, active, take }: Props): JSX.Element {
  return (
    <div id={LIST} class="popup choices completions" role="listbox" aria-label={t("Commands")}>
      {found.map((each, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the textarea hears the keys
        // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the textarea
        <div
          key={each.usage}
          id={`${LIST}-${index}`}
          role="option"
          class={index === active ? "active" : ""}
          aria-selected={index === active}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => take(each)}
        >
          <bdi>
            <code>{each.usage}</code>
          </bdi>
          <small>{each.explanation}</small>
        </div>
      ))}
    </div>
  );
}
