/** The files of a question: pictures to look at, documents to save. In its edit box, also to take out. */

import type { JSX } from "preact";
import { Icon } from "../icons";
import { t } from "../words";
import { contentOf, type FileFrame } from "./frames";
import { Document, Leaf, Picture } from "./Parts";
import { viewed } from "./viewing";
import "./files.css";

interface Props {
  files: readonly FileFrame[];
  /** The model's view begins behind them. */
  isUnread?: boolean;
  takeOut?: (file: FileFrame) => void;
}

export function AskedFiles({ files, isUnread = false, takeOut }: Props): JSX.Element {
  return (
    <div class="asked-files">
      <ul aria-label={t("Files of this question")}>
        {files.map((file) => (
          <li key={file.id} class={file.kind === "image" ? "shot" : "paper"}>
            <Look file={file} />
            {takeOut !== undefined && (
              <button
                type="button"
                class="quiet chip-out"
                title={t("Take out")}
                aria-label={t("Take out %(name)s", { name: file.name })}
                onClick={() => takeOut(file)}
              >
                <Icon name="close" />
              </button>
            )}
          </li>
        ))}
      </ul>
      {isUnread && <p class="files-note">{t("The model no longer reads these.")}</p>}
    </div>
  );
}

function Look({ file }: { file: FileFrame }): JSX.Element {
  if (file.state === "refused") {
    const icon = file.kind === "image" ? "picture" : "page";
    return <Leaf name={file.name} icon={icon} words={file.sentence} isMarked />;
  }
  return file.kind === "image" ? <Shot file={file} /> : <Paper file={file} />;
}

function Shot({ file }: { file: FileFrame }): JSX.Element {
  return (
    <button
      type="button"
      class="shot-open"
      title={t("Enlarge")}
      onClick={() => {
        viewed.value = file;
      }}
    >
      <span class="visually-hidden">{t("Enlarge")} </span>
      <Picture file={file} />
    </button>
  );
}

function Paper({ file }: { file: FileFrame }): JSX.Element {
  return (
    <a href={contentOf(file)} download={file.name} title={t("Download")}>
      <span class="visually-hidden">{t("Download")} </span>
      <Document file={file} />
    </a>
  );
}
