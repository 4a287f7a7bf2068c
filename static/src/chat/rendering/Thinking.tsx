/** What a model thought before it answered, folded; and for how long, where that is known. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Stats } from "../frames";
import { Markdown } from "../Markdown";
import { t, tn } from "../words";
import { measuredSeconds, thoughtSeconds } from "./thought";

interface Props {
  generationId: string;
  text: string;
  isOver: boolean;
  stats: Stats | null;
}

export function Thinking({ generationId, text, isOver, stats }: Props): JSX.Element | null {
  const [isUnfolded, setUnfolded] = useState(false);
  if (text === "") {
    return null;
  }
  const seen = thoughtSeconds(generationId, isOver);
  const seconds = measuredSeconds(stats) ?? seen;
  return (
    <details class="thinking" onToggle={(event) => setUnfolded(event.currentTarget.open)}>
      <summary>{isOver ? thoughtFor(seconds) : t("Thinking…")}</summary>
      {isUnfolded && <Markdown text={text} isOver={isOver} />}
    </details>
  );
}

function thoughtFor(seconds: number | null): string {
  if (seconds === null) {
    return t("Thoughts");
  }
  if (seconds < 60) {
    return tn("Thought for one second", "Thought for %(count)s seconds", Math.max(1, seconds));
  }
  return tn("Thought for one minute", "Thought for %(count)s minutes", Math.round(seconds / 60));
}
