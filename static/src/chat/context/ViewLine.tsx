/** The line in a conversation where the model's view begins. */

import type { JSX } from "preact";
import { refusal } from "../sending";
import { sentenceOf } from "../sentences";
import { t, tn } from "../words";
import { context, restore } from "./context";

/** In front of this question; null is the one that is not sent yet. */
export function ViewLine({ before }: { before: string | null }): JSX.Element | null {
  const now = context.value;
  if (now === null || now.because === "" || now.begins_with !== before) {
    return null;
  }
  const bringBack = (): void => {
    restore(now.cleared_at ?? "").catch((error: unknown) => {
      refusal.value = sentenceOf(error);
    });
  };
  return (
    <div class="view-line" role="note">
      <p>
        {now.because === "cleared"
          ? t("Fresh context: the model does not read what is above this line.")
          : tn(
              "The model's view begins here. %(count)s message above did not fit any more.",
              "The model's view begins here. %(count)s messages above did not fit any more.",
              now.hidden_messages,
            )}
        {now.because === "cleared" && (
          <button type="button" class="quiet" onClick={bringBack}>
            {t("Bring back")}
          </button>
        )}
      </p>
    </div>
  );
}
