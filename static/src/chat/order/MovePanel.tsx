/** Into which folder. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { conversations } from "../conversations";
import { Icon } from "../icons";
import { sentenceOf } from "../sentences";
import { Modal } from "../settings/Modal";
import { t } from "../words";
import { closePanel, stopPicking } from "./openings";
import { createFolder, folders, move } from "./shelves";
import "./order.css";

export function MovePanel({ ids }: { ids: string[] }): JSX.Element {
  const [name, setName] = useState("");
  const [refusal, setRefusal] = useState("");
  const standing = conversations.value.filter((each) => ids.includes(each.id));
  const isInSome = standing.some((each) => each.folder_id !== null);

  const to = async (folderId: () => Promise<string | null>): Promise<void> => {
    try {
      await move(ids, await folderId());
      stopPicking();
      closePanel();
    } catch (error) {
      setRefusal(sentenceOf(error));
    }
  };
  const toNew = async (): Promise<string | null> => (await createFolder(name))?.id ?? null;

  return (
    <Modal title={t("Move to folder")} shape="box" close={closePanel}>
      <ul class="choices">
        {folders.value.map((each) => (
          <li key={each.id}>
            <button type="button" onClick={() => void to(async () => each.id)}>
              <Icon name="folder" />
              <bdi>{each.name}</bdi>
            </button>
          </li>
        ))}
        {isInSome && (
          <li>
            <button type="button" onClick={() => void to(async () => null)}>
              <Icon name="close" />
              {t("Out of its folder")}
            </button>
          </li>
        )}
      </ul>
      <form
        class="one-line"
        onSubmit={(event) => {
          event.preventDefault();
          void to(toNew);
        }}
      >
        <input
          aria-label={t("Name of the new folder")}
          placeholder={t("New folder")}
          maxLength={80}
          dir="auto"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={name.trim() === ""}>
          {t("Create and move")}
        </button>
      </form>
      <p class="search-state" role="status">
        {refusal}
      </p>
    </Modal>
  );
}
