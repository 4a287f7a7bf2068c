/** Why something was not done, in a sentence. */

import { Refused, TooLong } from "./socket";
import { t } from "./words";

export function sentenceOf(error: unknown): string {
  if (error instanceof TooLong) {
    return tooLong(error.mostChars);
  }
  if (!(error instanceof Refused)) {
    return t("That did not work. Please try again.");
  }
  const { code, message, retry_after_seconds: seconds } = error.refusal;
  if (code !== "too-often" || seconds === null || seconds <= 0) {
    return message;
  }
  const when = t("Try again in %(seconds)s s.", { seconds: Math.ceil(seconds) });
  return `${message} ${when}`;
}

export function tooLong(mostChars: number): string {
  return t("This text is too long. At most %(count)s characters fit.", { count: mostChars });
}

/** Why it was not done, or nothing. */
export async function refusalOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
    return "";
  } catch (error) {
    return sentenceOf(error);
  }
}
