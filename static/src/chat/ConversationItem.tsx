/** One conversation of the list: a link, and behind its button all that can be done about it. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import * as address from "./address";
import { remove, rename } from "./conversations";
import { confirm } from "./Dialog";
import { closeDrawer } from "./drawer";
import type { ConversationFrame } from "./frames";
import { type Item, Menu } from "./Menu";
import { save } from "./order/files";
import { NameBox } from "./order/NameBox";
import { panel, picked, togglePicked } from "./order/openings";
import { archive, pin, tried } from "./order/shelves";
import { open, shownId } from "./talk/shown";
import { t } from "./words";

const MAX_TITLE_CHARS = 200;

interface Props {
  conversation: ConversationFrame;
}

export function ConversationItem({ conversation }: Props): JSX.Element {
  const [isRenaming, setRenaming] = useState(false);
  const title = conversation.title || t("New chat");
  if (isRenaming) {
    return (
      <li>
        <NameBox
          label={t("Title")}
          name={title}
          maxLength={MAX_TITLE_CHARS}
          done={(wanted) => {
            setRenaming(false);
            if (wanted !== "" && wanted !== title) {
              void tried(rename(conversation.id, wanted));
            }
          }}
        />
      </li>
    );
  }
  if (picked.value !== null) {
    return <Pickable id={conversation.id} title={title} isPicked={picked.value} />;
  }
  const isShown = shownId.value === conversation.id && address.sharedId.value === null;
  return (
    <li class={isShown ? "item shown" : "item"}>
      <a
        href={address.pathOf(conversation.id)}
        aria-current={isShown ? "page" : undefined}
        onClick={(event) => {
          // A press with a key held means another tab, and the browser knows how.
          if (!event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
            event.preventDefault();
            closeDrawer();
            open(conversation.id);
          }
        }}
      >
        <bdi>{title}</bdi>
        {conversation.running && <span class="pulse" role="img" aria-label={t("Answering")} />}
      </a>
      <Menu
        label={t("More for %(title)s", { title })}
        items={itemsFor(conversation, title, () => setRenaming(true))}
      />
    </li>
  );
}

function Pickable({
  id,
  title,
  isPicked,
}: {
  id: string;
  title: string;
  isPicked: ReadonlySet<string>;
}): JSX.Element {
  return (
    <li class="item">
      <label class="pickable">
        <input type="checkbox" checked={isPicked.has(id)} onChange={() => togglePicked(id)} />
        <bdi>{title}</bdi>
      </label>
    </li>
  );
}

function itemsFor(
  conversation: ConversationFrame,
  title: string,
  startRenaming: () => void,
): Item[] {
  const { id, is_pinned: isPinned } = conversation;
  return [
    {
      words: isPinned ? t("Unpin") : t("Pin"),
      icon: "pin",
      act: () => void tried(pin([id], !isPinned)),
    },
    { words: t("Rename"), icon: "pencil", act: startRenaming },
    {
      words: t("Move to folder"),
      icon: "folder",
      act: () => {
        panel.value = { is: "move", ids: [id] };
      },
    },
    {
      words: t("Share"),
      icon: "share",
      act: () => {
        panel.value = { is: "share", id, title };
      },
    },
    { words: t("Export as Markdown"), icon: "export", act: () => save("markdown", [id]) },
    { words: t("Export as JSON"), icon: "export", act: () => save("json", [id]) },
    ...(id === shownId.peek()
      ? [{ words: t("Print"), icon: "print" as const, act: () => void printNow() }]
      : []),
    { words: t("To the archive"), icon: "archive", act: () => void tried(archive([id], true)) },
    {
      words: t("Delete"),
      icon: "bin",
      act: () => void askDelete(id, title),
      isDangerous: true,
    },
  ];
}

async function printNow(): Promise<void> {
  await (await import("./rendering/printing")).printShown();
}

async function askDelete(id: string, title: string): Promise<void> {
  const isSure = await confirm({
    title: t("Delete this conversation?"),
    text: t("“%(title)s” will be gone for good.", { title }),
    act: t("Delete"),
  });
  if (isSure) {
    await tried(remove(id));
  }
}
