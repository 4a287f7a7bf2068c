/** The list of conversations, the ways to a new one and to an old one, and the account. */

import type { JSX } from "preact";
import { AccountMenu } from "./AccountMenu";
import * as address from "./address";
import { ConversationItem } from "./ConversationItem";
import { conversations, hasMore, loadMore } from "./conversations";
import { byDay } from "./days";
import { closeDrawer, isDrawerOpen, isNarrow } from "./drawer";
import { Icon } from "./icons";
import { Menu } from "./Menu";
import { Folders } from "./order/Folders";
import { save } from "./order/files";
import { isNamingFolder, panel, picked } from "./order/openings";
import { PickedBar } from "./order/PickedBar";
import { ReceivedShares } from "./order/ReceivedShares";
import { folders, pinned, received, recent, tried } from "./order/shelves";
import { beginTemporary } from "./order/temporary";
import { startNew } from "./talk/shown";
import { t } from "./words";

export function Sidebar(): JSX.Element {
  const isHidden = isNarrow.value && !isDrawerOpen.value;
  return (
    <>
      {isNarrow.value && isDrawerOpen.value && (
        // biome-ignore lint/a11y/useKeyWithClickEvents: Escape and the button do the same
        // biome-ignore lint/a11y/noStaticElementInteractions: a larger target for the same
        <div class="veil" onClick={closeDrawer} />
      )}
      <aside class={`sidebar ${isHidden ? "" : "open"}`} inert={isHidden}>
        <button type="button" class="skip" onClick={skip}>
          {t("Skip to the conversation")}
        </button>
        <div class="sidebar-head">
          <a class="brand" href={address.pathOf(null)} onClick={goNew}>
            <span class="mark" aria-hidden="true" />
            {t("Portal")}
          </a>
          {isNarrow.value && (
            <button type="button" class="quiet" onClick={closeDrawer}>
              <Icon name="close" />
              <span class="visually-hidden">{t("Close the list")}</span>
            </button>
          )}
        </div>
        <Begin />
        <Find />
        <Shelves />
        {picked.value !== null && <PickedBar picked={picked.value} />}
        <AccountMenu />
      </aside>
    </>
  );
}

function Begin(): JSX.Element {
  const temporary = t("Temporary chat");
  return (
    <div class="begin">
      <button type="button" class="button new-chat" onClick={goNew}>
        <Icon name="plus" />
        {t("New chat")}
      </button>
      <button
        type="button"
        class="button"
        aria-label={temporary}
        title={temporary}
        onClick={() => {
          closeDrawer();
          void tried(beginTemporary());
        }}
      >
        <Icon name="temporary" />
      </button>
    </div>
  );
}

function Find(): JSX.Element {
  return (
    <div class="find">
      <button
        type="button"
        class="quiet"
        onClick={() => {
          panel.value = { is: "search" };
        }}
      >
        <Icon name="search" />
        {t("Search")}
      </button>
      <Menu
        label={t("Arrange chats")}
        items={[
          {
            words: t("Select chats"),
            icon: "check",
            act: () => {
              picked.value = new Set();
            },
          },
          {
            words: t("New folder"),
            icon: "folder",
            act: () => {
              isNamingFolder.value = true;
            },
          },
          {
            words: t("Archive"),
            icon: "archive",
            act: () => {
              panel.value = { is: "archive" };
            },
          },
          { words: t("Export all chats"), icon: "export", act: () => save("json") },
          {
            words: t("Import chats"),
            icon: "import",
            act: () => {
              panel.value = { is: "import" };
            },
          },
        ]}
      />
    </div>
  );
}

function Shelves(): JSX.Element {
  const hasNothing =
    conversations.value.length === 0 && folders.value.length === 0 && received.value.length === 0;
  return (
    <nav class="list" aria-label={t("Conversations")}>
      {pinned.value.length > 0 && (
        <section>
          <h2>{t("Pinned")}</h2>
          <ul>
            {pinned.value.map((each) => (
              <ConversationItem key={each.id} conversation={each} />
            ))}
          </ul>
        </section>
      )}
      <Folders />
      <ReceivedShares />
      {byDay(recent.value, new Date()).map((day) => (
        <section key={day.name}>
          <h2>{day.name}</h2>
          <ul>
            {day.conversations.map((each) => (
              <ConversationItem key={each.id} conversation={each} />
            ))}
          </ul>
        </section>
      ))}
      {hasNothing && <p class="list-empty">{t("Your conversations will be listed here.")}</p>}
      {hasMore.value && (
        <button type="button" class="quiet more" onClick={() => void loadMore()}>
          {t("Show older")}
        </button>
      )}
    </nav>
  );
}

function goNew(event: Event): void {
  event.preventDefault();
  closeDrawer();
  startNew();
}

/** Past the list. Where one can write is where most want to go; a shared chat is only read. */
function skip(): void {
  closeDrawer();
  const main = document.querySelector<HTMLElement>("main");
  (main?.querySelector<HTMLElement>("textarea:enabled") ?? main)?.focus();
}
