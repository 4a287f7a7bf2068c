/** Questions that wait for the answer before them: seen, taken back, or sent in spite of it. */

import type { JSX } from "preact";
import { QuestionFiles } from "../files/QuestionFiles";
import type { NextFrame } from "../frames";
import { Icon } from "../icons";
import { runningId, sendNext, takeBack } from "../sending";
import { pickedModel } from "../session";
import { t } from "../words";

export function Nexts({ nexts }: { nexts: NextFrame[] }): JSX.Element | null {
  if (nexts.length === 0) {
    return null;
  }
  return (
    <ol class="nexts" aria-label={t("Questions that wait")}>
      {nexts.map((each, index) => (
        <Next key={each.id} next={each} isFirst={index === 0} />
      ))}
    </ol>
  );
}

function Next({ next, isFirst }: { next: NextFrame; isFirst: boolean }): JSX.Element {
  const canSend =
    isFirst && next.reason !== "" && runningId.value === null && pickedModel.value !== null;
  return (
    <li class="next">
      <QuestionFiles files={next.files ?? []} />
      {next.text !== "" && (
        <p class="next-text" dir="auto">
          {next.text}
        </p>
      )}
      <div class="next-foot">
        <small role={next.reason === "" ? undefined : "alert"}>{why(next)}</small>
        <button type="button" class="quiet" onClick={() => takeBack(next)}>
          {t("Take back")}
        </button>
        {canSend && (
          <button type="button" class="button" onClick={() => sendNext(next.id)}>
            <Icon name="send" />
            {t("Ask now")}
          </button>
        )}
      </div>
    </li>
  );
}

function why(next: NextFrame): string {
  switch (next.reason) {
    case "":
      return t("Is asked when the answer is there.");
    case "failed":
    case "interrupted":
      return t("Waits for you: the answer before it was not finished.");
    case "retired":
    case "not-found":
      return t("Waits for you: its model is no longer there. Pick another one and ask.");
    default:
      return t("Waits for you: the conversation has changed in the meantime.");
  }
}
