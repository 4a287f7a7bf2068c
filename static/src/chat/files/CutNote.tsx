/** Says of an answer how much of the documents behind it was read, where not all of it was. */

import type { JSX } from "preact";
import type { Stats } from "../frames";
import { language, t } from "../words";

export function CutNote({ stats }: { stats: Stats | null }): JSX.Element | null {
  const all = stats?.document_chars ?? 0;
  const cut = stats?.cut_chars ?? 0;
  if (all === 0 || cut === 0) {
    return null;
  }
  const share = percents.format(Math.max(0, (all - cut) / all));
  return (
    <p class="notice notice-interrupted" role="note">
      {t("The documents did not fit whole: about %(share)s of them was read, from the beginning.", {
        share,
      })}
    </p>
  );
}

const percents = new Intl.NumberFormat(language, {
  style: "percent",
  maximumSignificantDigits: 2,
});
