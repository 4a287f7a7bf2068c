/** What an unfinished answer is waiting for, in words and, where it can be known, as a bar. */

import type { JSX } from "preact";
import type { Answer } from "./generations";
import { t, tn } from "./words";

export function Progress({ answer }: { answer: Answer }): JSX.Element {
  const hasBar = answer.progress !== null && answer.state !== "writing";
  return (
    <div class="progress">
      <span class="pulse" aria-hidden="true" />
      <span>{stateInWords(answer)}</span>
      {hasBar && <progress max={1} value={answer.progress ?? 0} aria-label={t("Progress")} />}
    </div>
  );
}

export function stateInWords(answer: Answer): string {
  switch (answer.state) {
    case "queued":
      return queuedInWords(answer.position, answer.waitSeconds);
    case "loading":
      return t("Loading the model…");
    case "reading":
      return t("Reading…");
    case "writing":
      return answer.text === "" ? t("Thinking…") : t("Writing…");
    case "done":
      return t("Done");
    case "stopped":
      return t("Stopped");
    case "failed":
      return t("Failed");
    case "interrupted":
      return t("Interrupted");
  }
}

function queuedInWords(position: number | null, seconds: number | null): string {
  if (position === null) {
    return t("Waiting…");
  }
  const place =
    position <= 1
      ? t("Waiting, you are next.")
      : t("Waiting, place %(position)s in the queue.", { position });
  return seconds === null ? place : `${place} ${beginsInWords(seconds)}`;
}

/** Roughly, for that is how it is known. */
function beginsInWords(seconds: number): string {
  if (seconds < 10) {
    return t("It should begin in a few seconds.");
  }
  if (seconds < 60) {
    return t("It should begin in about %(seconds)s seconds.", {
      seconds: Math.ceil(seconds / 10) * 10,
    });
  }
  return tn(
    "It should begin in about a minute.",
    "It should begin in about %(count)s minutes.",
    Math.round(seconds / 60),
  );
}
