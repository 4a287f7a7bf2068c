/** What a command answered, above the composer. */

import type { JSX } from "preact";
import { Icon } from "../icons";
import { t } from "../words";
import { said } from "./said";

export function SaidNote(): JSX.Element | null {
  const now = said.value;
  if (now === null) {
    return null;
  }
  return (
    <div class={`said ${now.isWrong ? "said-wrong" : ""}`} role={now.isWrong ? "alert" : "status"}>
      {now.isPlain ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long texts are scrolled with the keyboard
        <pre tabIndex={0} dir="ltr">
          {now.text}
        </pre>
      ) : (
        <p dir="auto">{now.text}</p>
      )}
      <button
        type="button"
        class="quiet"
        onClick={() => {
          said.value = null;
        }}
      >
        <Icon name="close" />
        <span class="visually-hidden">{t("Dismiss")}</span>
      </button>
    </div>
  );
}
