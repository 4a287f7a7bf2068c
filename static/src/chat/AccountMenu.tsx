/** Who is signed in, and her settings: theme, contrast, language, account, sign out. */

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import { askToInstall, canInstall } from "./installing";
import * as memory from "./memory";
import { csrfToken, languageUrl } from "./page";
import { person } from "./session";
import { type Contrast, contrast, setContrast, setTheme, type Theme, theme } from "./theme";
import { language, t } from "./words";

const LANGUAGES: [string, string][] = [
  ["en", "English"],
  ["zh-hans", "简体中文"],
];

export function AccountMenu(): JSX.Element | null {
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
  const who = person.value;
  if (who === null) {
    return null;
  }
  const name = who.name || who.email;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes, wherever the focus is inside
    <div
      ref={box}
      class="account"
      onKeyDown={(event) => {
        if (event.key === "Escape" && isOpen) {
          event.stopPropagation();
          setOpen(false);
          button.current?.focus();
        }
      }}
    >
      {isOpen && <Settings email={who.email} isAdmin={who.is_admin} />}
      <button
        ref={button}
        type="button"
        class="quiet account-button"
        aria-expanded={isOpen}
        aria-label={t("Account of %(name)s", { name })}
        onClick={() => setOpen(!isOpen)}
      >
        <span class="face" aria-hidden="true" data-letter={Array.from(name)[0]?.toUpperCase()} />
        <bdi>{name}</bdi>
        <Icon name="chevron" />
      </button>
    </div>
  );
}

function Settings({ email, isAdmin }: { email: string; isAdmin: boolean }): JSX.Element {
  return (
    <section class="popup settings" aria-label={t("Account")}>
      <p class="email">
        <bdi>{email}</bdi>
      </p>
      <Choice legend={t("Theme")} name="theme" chosen={theme} choose={setTheme} all={themes()} />
      <Choice
        legend={t("Contrast")}
        name="contrast"
        chosen={contrast}
        choose={setContrast}
        all={contrasts()}
      />
      <LanguageChoice />
      {canInstall() && (
        <button type="button" class="row" onClick={() => void askToInstall()}>
          {t("Install as an app")}
        </button>
      )}
      <a href="/connect/">{t("Connect ChatBox")}</a>
      <a href="/account/">{t("Your account")}</a>
      {isAdmin && <a href="/admin/">{t("Administration")}</a>}
      <form method="post" action="/accounts/logout/" onSubmit={memory.forget}>
        <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken} />
        <button type="submit">{t("Sign out")}</button>
      </form>
    </section>
  );
}

function themes(): [Theme, string][] {
  return [
    ["system", t("System")],
    ["light", t("Light")],
    ["dark", t("Dark")],
  ];
}

function contrasts(): [Contrast, string][] {
  return [
    ["system", t("System")],
    ["more", t("High")],
  ];
}

interface ChoiceProps<Value extends string> {
  legend: string;
  name: string;
  chosen: Signal<Value>;
  choose: (value: Value) => void;
  all: [Value, string][];
}

function Choice<Value extends string>(props: ChoiceProps<Value>): JSX.Element {
  const { legend, name, chosen, choose, all } = props;
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {all.map(([value, words]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            value={value}
            checked={chosen.value === value}
            onChange={() => choose(value)}
          />
          <span>{words}</span>
        </label>
      ))}
    </fieldset>
  );
}

function LanguageChoice(): JSX.Element {
  return (
    <form class="choice" method="post" action={languageUrl}>
      <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken} />
      <input type="hidden" name="next" value={window.location.pathname} />
      <fieldset class="choice">
        <legend>{t("Language")}</legend>
        {LANGUAGES.map(([code, words]) => (
          <button
            key={code}
            type="submit"
            name="language"
            value={code}
            lang={code}
            aria-pressed={language === code}
          >
            {words}
          </button>
        ))}
      </fieldset>
    </form>
  );
}
