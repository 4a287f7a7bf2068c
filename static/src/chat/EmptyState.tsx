/** What a new conversation looks like before the first word. */

import type { JSX } from "preact";
import { choosable, isWelcome, offered, person } from "./session";
import { suggest } from "./suggestion";
import { t } from "./words";

export function EmptyState(): JSX.Element {
  if (isWelcome.value && offered.value.length === 0) {
    return (
      <div class="empty">
        <h1>{t("No model is ready for you yet")}</h1>
        <p>{t("Please ask your administrator to give you access to a model.")}</p>
      </div>
    );
  }
  if (isWelcome.value && choosable.value.length === 0) {
    return (
      <div class="empty" role="status">
        <h1>{t("Your first model is being checked")}</h1>
        <p>{t("It is new here. In a moment you can ask it.")}</p>
      </div>
    );
  }
  const name = person.value?.name.split(" ")[0] ?? "";
  return (
    <div class="empty">
      <h1>
        {name === "" ? (
          t("How can I help?")
        ) : (
          <bdi>{t("Hello %(name)s, how can I help?", { name })}</bdi>
        )}
      </h1>
      <p>{t("Your words stay inside your company.")}</p>
      <ul class="starters">
        {starters().map(([title, text]) => (
          <li key={title}>
            <button type="button" onClick={() => suggest(text)}>
              <strong>{title}</strong>
              <span>{text}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function starters(): [string, string][] {
  return [
    [t("Write"), t("Draft a polite email that moves a meeting to next week.")],
    [t("Understand"), t("Explain this to me in simple words: ")],
    [t("Plan"), t("Make a checklist for welcoming a new colleague.")],
    [t("Code"), t("Write a Python function that reads a CSV file.")],
  ];
}
