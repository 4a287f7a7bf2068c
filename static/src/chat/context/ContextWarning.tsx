/** Says, before a question is sent, what will not fit because of it. */

import type { JSX } from "preact";
import { t } from "../words";
import { context, fill } from "./context";

export function ContextWarning(): JSX.Element | null {
  const { level, draft, files } = fill.value;
  if (level === "alone" && files > 0) {
    return (
      <p class="context-warning" role="status">
        {t(
          "Your files are probably longer than the model can read at once: it would read only their beginning.",
        )}
      </p>
    );
  }
  if (level === "alone") {
    return (
      <p class="context-warning" role="status">
        {t("This text is probably longer than the model can read at once. Shorten it, or part it.")}
      </p>
    );
  }
  // Once something is out of view, the line in the conversation says so.
  if (level !== "over" || context.value?.because === "full" || draft + files === 0) {
    return null;
  }
  return (
    <p class="context-warning" role="status">
      {t(
        "With this question the conversation is too long: the model will not read its oldest part.",
      )}
    </p>
  );
}
