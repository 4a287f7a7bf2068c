/** One conversation of the list: a link, and behind its button rename and delete. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import * as address from "./address";
import { open, remove, rename, shownId } from "./conversations";
import { confirm } from "./Dialog";
import { closeDrawer } from "./drawer";
import type { ConversationFrame } from "./frames";
import { Menu } from "./Menu";
import { refusal, sentenceOf } from "./sending";
import { t } from "./words";

export function ConversationItem({
  conversation,
}: {
  conversation: ConversationFrame;
}): JSX.Element {
  const [isRenaming, setRenaming] = useState(false);
  const title = conversation.title || t("New chat");
  const isShown = shownId.value === conversation.id;

  const askDelete = async (): Promise<void> => {
    const isSure = await confirm({
      title: t("Delete this conversation?"),
      text: t("“%(title)s” will be gone for good.", { title }),
      act: t("Delete"),
    });
    if (isSure) {
      await told(remove(conversation.id));
    }
  };

  if (isRenaming) {
    return (
      <li>
        <Rename
          title={title}
          done={(wanted) => {
            setRenaming(false);
            if (wanted !== "" && wanted !== title) {
              void told(rename(conversation.id, wanted));
            }
          }}
        />
      </li>
    );
  }
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
        items={[
          { words: t("Rename"), icon: "pencil", act: () => setRenaming(true) },
          { words: t("Delete"), icon: "bin", act: () => void askDelete(), isDangerous: true },
        ]}
      />
    </li>
  );
}

function Rename({ title, done }: { title: string; done: (title: string) => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  useEffect(() => input.current?.select(), []);
  const finish = (wanted: string): void => {
    // Enter also takes the focus away; once is enough.
    if (!isDone.current) {
      isDone.current = true;
      done(wanted.trim());
    }
  };
  return (
    <input
      ref={input}
      class="rename"
      aria-label={t("Title")}
      maxLength={200}
      dir="auto"
      defaultValue={title}
      onBlur={(event) => finish(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.isComposing) {
          finish(event.currentTarget.value);
        } else if (event.key === "Escape") {
          event.stopPropagation();
          finish("");
        }
      }}
    />
  );
}

async function told(act: Promise<void>): Promise<void> {
  try {
    await act;
  } catch (error) {
    refusal.value = sentenceOf(error);
  }
}
