/** A small button with a drawing and a name. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "../icons";
import { t } from "../words";

const TOLD_FOR_MS = 1600;

interface Props {
  words: string;
  icon: IconName;
  /** When it comes to true, the button says for a moment that something was copied. */
  act: () => unknown;
  isDisabled?: boolean;
  isPressed?: boolean;
}

export function Tool({ words, icon, act, isDisabled, isPressed }: Props): JSX.Element {
  const [isTold, setTold] = useState(false);
  const press = async (): Promise<void> => {
    if ((await act()) === true) {
      setTold(true);
      window.setTimeout(() => setTold(false), TOLD_FOR_MS);
    }
  };
  const name = isTold ? t("Copied") : words;
  return (
    <button
      type="button"
      class="quiet tool"
      aria-label={name}
      title={name}
      aria-pressed={isPressed}
      disabled={isDisabled}
      onClick={() => void press()}
    >
      <Icon name={isTold ? "check" : icon} />
    </button>
  );
}
