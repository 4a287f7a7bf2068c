/** A picture as large as the window allows, with its name and a way to save it. */

import type { JSX } from "preact";
import { Icon } from "../icons";
import { Modal } from "../settings/Modal";
import { t } from "../words";
import { contentOf, type FileFrame } from "./frames";
import { viewed } from "./viewing";
import "./files.css";

export function Viewer({ file }: { file: FileFrame }): JSX.Element {
  return (
    <Modal
      title={file.name}
      shape="wide"
      close={() => {
        viewed.value = null;
      }}
    >
      <img
        class="full"
        src={contentOf(file)}
        alt={file.name}
        width={file.width ?? undefined}
        height={file.height ?? undefined}
      />
      <p class="viewer-foot">
        <a class="button" href={contentOf(file)} download={file.name}>
          <Icon name="export" />
          {t("Download")}
        </a>
      </p>
    </Modal>
  );
}
