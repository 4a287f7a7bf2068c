/** What a model thought before it answered, folded; and for how long, if this page saw it. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Markdown } from "../Markdown";
import { t, tn } from "../words";
import { thoughtSeconds } from "./thought";

interface Props {
  generationId: string;
  text: string;
  isOver: boolean;
}

export function Thinking({ generationId, text, isOver }: Props): JSX.Element | null {
  const [isUnfolded, setUnfolded] = useState(false);
  if (text === "") {
    return null;
  }
  const seconds = thoughtSeconds(generationId, isOver);
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
