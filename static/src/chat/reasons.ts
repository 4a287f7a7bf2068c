/** Why an answer ended, in a sentence that helps. The codes are the server's. */

import type { Answer } from "./generations";
import { t } from "./words";

export function sentenceAbout(answer: Answer): string {
  switch (answer.state) {
    case "failed":
      return failure(answer.reason);
    case "interrupted":
      return interruption(answer.reason);
    case "stopped":
      return answer.text === ""
        ? t("Stopped before the answer began.")
        : t("You stopped this answer.");
    case "done":
      return answer.reason === "length"
        ? t("The answer reached the length limit and may be incomplete.")
        : "";
    default:
      return "";
  }
}

function failure(reason: string): string {
  switch (reason) {
    case "too-long":
      return t(
        "This conversation is too long for the model. Start a new chat or pick another model.",
      );
    case "expired":
      return t("The model was too busy to answer in time.");
    case "template":
      return t("The model could not read this conversation. Please tell your administrator.");
    case "no-room":
      return t("There was not enough memory for this answer. Try again in a moment.");
    case "image":
      return t("The model could not see a picture of this conversation.");
    case "quarantined":
      return t("This question made the model fail more than once, so it was set aside.");
    case "out-of-memory":
      return t(
        "The model ran out of memory on this question, more than once, so it was set aside. Ask for less at a time.",
      );
    case "device-lost":
      return t("The graphics card was lost. Your administrator can see it; try again later.");
    case "unloadable":
      return t("The model could not be loaded. Pick another one, or tell your administrator.");
    case "gone":
      return t("This model is no longer available. Pick another one.");
    default:
      return t("The model could not answer.");
  }
}

function interruption(reason: string): string {
  return reason === "lost"
    ? t("The connection to the model was lost. What it had said is kept.")
    : t("The model stopped unexpectedly. What it had said is kept.");
}
