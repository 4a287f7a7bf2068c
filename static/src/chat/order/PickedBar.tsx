/** What can be done with the conversations that are picked, all at once. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { confirm } from "../Dialog";
import { Icon, type IconName } from "../icons";
import { t, tn } from "../words";
import { save } from "./files";
import { panel, stopPicking } from "./openings";
import { archive, removeAll, tried } from "./shelves";

/** As many as one frame may name. */
const MOST = 200;

export function PickedBar({ picked }: { picked: ReadonlySet<string> }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => bar.current?.focus(), []);
  const ids = [...picked];
  const isUnfit = ids.length === 0 || ids.length > MOST;
  const askDelete = async (): Promise<void> => {
    const isSure = await confirm({
      title: t("Delete these conversations?"),
      text: tn(
        "%(count)s conversation will be gone for good.",
        "%(count)s conversations will be gone for good.",
        ids.length,
      ),
      act: t("Delete"),
    });
    if (isSure && (await tried(removeAll(ids)))) {
      stopPicking();
    }
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset groups fields; these are acts
    <div
      ref={bar}
      class="picked"
      role="group"
      tabIndex={-1}
      aria-label={t("Selected chats")}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          stopPicking();
        }
      }}
    >
      <p role="status">{tn("%(count)s selected", "%(count)s selected", ids.length)}</p>
      <div class="picked-acts">
        <Act
          words={t("Move to folder")}
          icon="folder"
          isUnfit={isUnfit}
          act={() => {
            panel.value = { is: "move", ids };
          }}
        />
        <Act
          words={t("To the archive")}
          icon="archive"
          isUnfit={isUnfit}
          act={async () => {
            if (await tried(archive(ids, true))) {
              stopPicking();
            }
          }}
        />
        <Act
          words={t("Export as JSON")}
          icon="export"
          isUnfit={isUnfit}
          act={() => save("json", ids)}
        />
        <Act words={t("Delete")} icon="bin" isUnfit={isUnfit} act={askDelete} />
        <Act words={t("Stop selecting")} icon="close" isUnfit={false} act={stopPicking} />
      </div>
    </div>
  );
}

interface ActProps {
  words: string;
  icon: IconName;
  isUnfit: boolean;
  act: () => unknown;
}

function Act({ words, icon, isUnfit, act }: ActProps): JSX.Element {
  return (
    <button
      type="button"
      class="quiet"
      aria-label={words}
      title={words}
      disabled={isUnfit}
      onClick={() => void act()}
    >
      <Icon name={icon} />
    </button>
  );
}
