/** One of several in the same place: versions of a question, answers to it. */

import type { JSX } from "preact";
import { Icon } from "../icons";
import { t } from "../words";

interface Props {
  words: { before: string; after: string };
  ids: string[];
  shownId: string;
  turnTo: (id: string) => void;
}

export function Pager({ words, ids, shownId, turnTo }: Props): JSX.Element | null {
  const index = ids.indexOf(shownId);
  if (ids.length < 2 || index === -1) {
    return null;
  }
  return (
    <span class="pager">
      <Step words={words.before} icon="before" to={ids[index - 1]} turnTo={turnTo} />
      <span>{t("%(number)s of %(count)s", { number: index + 1, count: ids.length })}</span>
      <Step words={words.after} icon="after" to={ids[index + 1]} turnTo={turnTo} />
    </span>
  );
}

interface StepProps {
  words: string;
  icon: "before" | "after";
  to: string | undefined;
  turnTo: (id: string) => void;
}

/** Not `disabled` at the end: the focus would fall out of the page. */
function Step({ words, icon, to, turnTo }: StepProps): JSX.Element {
  return (
    <button
      type="button"
      class="quiet"
      aria-label={words}
      title={words}
      aria-disabled={to === undefined}
      onClick={() => {
        if (to !== undefined) {
          turnTo(to);
        }
      }}
    >
      <Icon name={icon} />
    </button>
  );
}
