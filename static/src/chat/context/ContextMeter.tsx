/** How full the model's window is: a small ring, and the figures behind it. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { refusal } from "../sending";
import { sentenceOf } from "../sentences";
import { locale, t } from "../words";
import { clear, context, fill, isAllHidden, restore } from "./context";

export function ContextMeter(): JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const outside = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  const { window, share, level } = fill.value;
  if (window === 0) {
    return null;
  }
  const percent = Math.round(share * 100);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes, wherever the focus is inside
    <div
      ref={box}
      class="meter"
      data-level={level}
      onKeyDown={(event) => {
        if (event.key === "Escape" && isOpen) {
          event.stopPropagation();
          setOpen(false);
          button.current?.focus();
        }
      }}
    >
      <button
        ref={button}
        type="button"
        class="quiet meter-button"
        aria-expanded={isOpen}
        aria-label={t("Context: %(percent)s % full", { percent })}
        onClick={() => setOpen(!isOpen)}
      >
        <svg viewBox="0 0 24 24" class="ring" aria-hidden="true">
          <circle cx="12" cy="12" r="9" />
          <circle
            cx="12"
            cy="12"
            r="9"
            class="ring-full"
            pathLength={100}
            stroke-dasharray={`${percent} 100`}
          />
        </svg>
      </button>
      {isOpen && <Figures close={() => setOpen(false)} />}
    </div>
  );
}

function Figures({ close }: { close: () => void }): JSX.Element {
  const { window, used, draft, files } = fill.value;
  const now = context.value;
  const rows: [string, number][] = [
    [t("Conversation so far"), used],
    [t("Your text, about"), draft],
    ...(files > 0 ? [[t("Your files, about"), files] as [string, number]] : []),
    [t("Left for the answer, about"), Math.max(0, window - used - draft - files)],
    [t("All the model can read at once"), window],
  ];
  const act = async (done: Promise<unknown>): Promise<void> => {
    close();
    try {
      await done;
    } catch (error) {
      refusal.value = sentenceOf(error);
    }
  };
  return (
    <section class="popup meter-popup" aria-label={t("Context")}>
      <dl>
        {rows.map(([name, tokens]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{t("%(count)s tokens", { count: numbers.format(tokens) })}</dd>
          </div>
        ))}
      </dl>
      {now !== null && now.hidden_messages > 0 && (
        <p>{t("%(count)s older messages are out of view.", { count: now.hidden_messages })}</p>
      )}
      {now !== null && !isAllHidden(now) && now.used_tokens > 0 && (
        <button type="button" class="button" onClick={() => void act(clear())}>
          {t("Start a fresh context here")}
        </button>
      )}
      {now?.cleared_at && (
        <button
          type="button"
          class="button"
          onClick={() => void act(restore(now.cleared_at ?? ""))}
        >
          {t("Bring back what was before")}
        </button>
      )}
    </section>
  );
}

const numbers = new Intl.NumberFormat(locale);
