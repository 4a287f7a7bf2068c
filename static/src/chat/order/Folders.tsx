/** The folders of the list. One is read when it is first opened. */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { ConversationItem } from "../ConversationItem";
import { conversations } from "../conversations";
import { confirm } from "../Dialog";
import { Icon } from "../icons";
import { Menu } from "../Menu";
import { t } from "../words";
import type { Folder } from "./frames";
import { NameBox } from "./NameBox";
import { isNamingFolder } from "./openings";
import {
  createFolder,
  deleteFolder,
  folders,
  isOpen,
  longFolders,
  readMoreOf,
  renameFolder,
  toggleFolder,
  tried,
} from "./shelves";
import { isIn } from "./standing";

const MAX_NAME_CHARS = 80;

export function Folders(): JSX.Element | null {
  if (folders.value.length === 0 && !isNamingFolder.value) {
    return null;
  }
  return (
    <section>
      <h2>{t("Folders")}</h2>
      <ul>
        {folders.value.map((each) => (
          <OneFolder key={each.id} folder={each} />
        ))}
        {isNamingFolder.value && (
          <li>
            <NameBox
              label={t("Name of the new folder")}
              name=""
              maxLength={MAX_NAME_CHARS}
              done={(name) => {
                isNamingFolder.value = false;
                if (name !== "") {
                  void tried(createFolder(name));
                }
              }}
            />
          </li>
        )}
      </ul>
    </section>
  );
}

function OneFolder({ folder }: { folder: Folder }): JSX.Element {
  const [isRenaming, setRenaming] = useState(false);
  const id = useId();
  if (isRenaming) {
    return (
      <li>
        <NameBox
          label={t("Name of the folder")}
          name={folder.name}
          maxLength={MAX_NAME_CHARS}
          done={(name) => {
            setRenaming(false);
            if (name !== "" && name !== folder.name) {
              void tried(renameFolder(folder, name));
            }
          }}
        />
      </li>
    );
  }
  return (
    <li>
      <div class="item">
        <button
          type="button"
          class="folder"
          aria-expanded={isOpen(folder)}
          aria-controls={id}
          onClick={() => toggleFolder(folder)}
        >
          <Icon name="folder" />
          <bdi>{folder.name}</bdi>
          <span class="count">{folder.count}</span>
        </button>
        <Menu
          label={t("More for %(title)s", { title: folder.name })}
          items={[
            { words: t("Rename"), icon: "pencil", act: () => setRenaming(true) },
            {
              words: t("Delete folder"),
              icon: "bin",
              act: () => void askDelete(folder),
              isDangerous: true,
            },
          ]}
        />
      </div>
      <ul id={id} class="in-folder" hidden={!isOpen(folder)}>
        {isOpen(folder) && <Inside folder={folder} />}
      </ul>
    </li>
  );
}

function Inside({ folder }: { folder: Folder }): JSX.Element {
  const inside = conversations.value.filter((each) => isIn(each, folder.id));
  const last = inside.at(-1);
  return (
    <>
      {inside.map((each) => (
        <ConversationItem key={each.id} conversation={each} />
      ))}
      {folder.count === 0 && <li class="list-empty">{t("Nothing is in this folder yet.")}</li>}
      {last !== undefined && longFolders.value.has(folder.id) && (
        <li>
          <button
            type="button"
            class="quiet more"
            onClick={() => void tried(readMoreOf(folder, last))}
          >
            {t("Show older")}
          </button>
        </li>
      )}
    </>
  );
}

async function askDelete(folder: Folder): Promise<void> {
  const isSure = await confirm({
    title: t("Delete this folder?"),
    text: t("“%(name)s” will be gone. Its chats stay, in the list.", { name: folder.name }),
    act: t("Delete folder"),
  });
  if (isSure) {
    await tried(deleteFolder(folder));
  }
}
