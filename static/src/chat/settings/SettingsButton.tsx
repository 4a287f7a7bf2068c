/** Opens what this conversation is set to, and says by a mark that something is. */

import type { JSX } from "preact";
import { Icon } from "../icons";
import { chosenCount, chosenPreset, inWords } from "./chosen";
import { isSheetOpen } from "./openings";

export function SettingsButton(): JSX.Element {
  const preset = chosenPreset.value;
  return (
    <button
      type="button"
      class="quiet settings-button"
      aria-haspopup="dialog"
      aria-label={inWords()}
      onClick={() => {
        isSheetOpen.value = true;
      }}
    >
      {preset === null || preset.icon === "" ? (
        <Icon name="sliders" />
      ) : (
        <span class="preset-icon" aria-hidden="true">
          {preset.icon}
        </span>
      )}
      {preset !== null && <bdi class="settings-name">{preset.name}</bdi>}
      {preset === null && chosenCount.value > 0 && <span class="mark-dot" aria-hidden="true" />}
    </button>
  );
}
