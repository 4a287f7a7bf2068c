/** Chooses files from this device for the question that is being written. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { Icon } from "../icons";
import { t } from "../words";
import { attach } from "./travelling";

export function AttachButton({ isDisabled }: { isDisabled: boolean }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class="quiet attach"
        aria-label={t("Attach files")}
        title={t("Attach files")}
        disabled={isDisabled}
        onClick={() => input.current?.click()}
      >
        <Icon name="clip" />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          attach([...(event.currentTarget.files ?? [])]);
          // The same file may be chosen again.
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
