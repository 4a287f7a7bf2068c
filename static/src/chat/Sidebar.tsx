/** The list of conversations, the way to a new one, and the account. */

import type { JSX } from "preact";
import { AccountMenu } from "./AccountMenu";
import * as address from "./address";
import { ConversationItem } from "./ConversationItem";
import { conversations, hasMore, loadMore, startNew } from "./conversations";
import { byDay } from "./days";
import { closeDrawer, isDrawerOpen, isNarrow } from "./drawer";
import { Icon } from "./icons";
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
        <button type="button" class="button new-chat" onClick={goNew}>
          <Icon name="plus" />
          {t("New chat")}
        </button>
        <nav class="list" aria-label={t("Conversations")}>
          {byDay(conversations.value, new Date()).map((day) => (
            <section key={day.name}>
              <h2>{day.name}</h2>
              <ul>
                {day.conversations.map((each) => (
                  <ConversationItem key={each.id} conversation={each} />
                ))}
              </ul>
            </section>
          ))}
          {conversations.value.length === 0 && (
            <p class="list-empty">{t("Your conversations will be listed here.")}</p>
          )}
          {hasMore.value && (
            <button type="button" class="quiet more" onClick={() => void loadMore()}>
              {t("Show older")}
            </button>
          )}
        </nav>
        <AccountMenu />
      </aside>
    </>
  );
}

function goNew(event: Event): void {
  event.preventDefault();
  closeDrawer();
  startNew();
}
