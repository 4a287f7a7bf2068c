/** The figures of one answer. Fetched when somebody first asks for them. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Answer } from "../generations";
import { Icon } from "../icons";
import { labelOf } from "../session";
import { locale, t } from "../words";
import { figuresOf } from "./statistics";
import "./statistics.css";

interface Props {
  answer: Answer;
  close: () => void;
}

export function Statistics({ answer, close }: Props): JSX.Element {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <section
      ref={box}
      class="statistics"
      tabIndex={-1}
      aria-label={t("Statistics")}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          close();
        }
      }}
    >
      <dl>
        {rowsOf(answer).map(([words, value]) => (
          <div key={words}>
            <dt>{words}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
      <button type="button" class="quiet" aria-label={t("Close statistics")} onClick={close}>
        <Icon name="close" />
      </button>
    </section>
  );
}

function rowsOf(answer: Answer): [string, string][] {
  const figures = figuresOf(answer);
  const rows: [string, string | null][] = [
    [t("Model"), labelOf(answer.modelName)],
    [t("Asked"), moment(answer.createdAt)],
    [t("Speed"), rate(figures.tokensASecond)],
    [t("Tokens written"), number(figures.answerTokens)],
    [t("Tokens read"), number(figures.promptTokens)],
    [t("Of these known before"), number(figures.cachedTokens)],
    [t("Waited"), seconds(figures.waitSeconds)],
    [t("Loading the model"), seconds(figures.loadSeconds)],
    [t("Reading"), seconds(figures.readSeconds)],
    [t("Writing"), seconds(figures.writeSeconds)],
    [t("In all"), seconds(figures.allSeconds)],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== null);
}

function number(value: number | null, digits = 0): string | null {
  return value === null
    ? null
    : new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

function rate(value: number | null): string | null {
  const count = number(value, 1);
  return count === null ? null : t("%(count)s tokens a second", { count });
}

function seconds(value: number | null): string | null {
  if (value !== null && value < 1) {
    return t("%(count)s ms", { count: number(value * 1000) ?? "" });
  }
  const count = number(value, 1);
  return count === null ? null : t("%(count)s s", { count });
}

function moment(iso: string): string {
  const style = { dateStyle: "medium", timeStyle: "medium" } as const;
  return new Intl.DateTimeFormat(locale, style).format(new Date(iso));
}
