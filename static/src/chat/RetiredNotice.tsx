/** Says kindly, in a conversation whose model is gone, who answers from now on. */

import type { JSX } from "preact";
import { pickedModel, retired } from "./session";
import { t } from "./words";

export function RetiredNotice(): JSX.Element | null {
  const gone = retired.value;
  if (gone === null) {
    return null;
  }
  const next = pickedModel.value;
  const model = gone.label || gone.name;
  return (
    <p class="retired" role="note">
      {next === null
        ? t(
            "%(model)s has been retired. This conversation stays; ask your administrator for another model.",
            {
              model,
            },
          )
        : t(
            "%(model)s has been retired. This conversation stays, and %(next)s will answer; you can pick another model.",
            {
              model,
              next: next.label || next.name,
            },
          )}
    </p>
  );
}
