/** The page: list, conversation, composer. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { Conversation } from "./Conversation";
import { shownTitle, startNew } from "./conversations";
import { Dialog } from "./Dialog";
import { isDrawerOpen, isNarrow, openDrawer } from "./drawer";
import { Icon } from "./icons";
import { Sidebar } from "./Sidebar";
import { connection } from "./socket";
import { t } from "./words";

export function App(): JSX.Element {
  const title = shownTitle.value;
  useEffect(() => {
    document.title = title === "" ? t("Portal") : `${title} – ${t("Portal")}`;
  }, [title]);
  return (
    <div class="app">
      <Sidebar />
      <main class="main" inert={isNarrow.value && isDrawerOpen.value}>
        <header class="head">
          {isNarrow.value && (
            <button type="button" class="quiet" onClick={openDrawer}>
              <Icon name="menu" />
              <span class="visually-hidden">{t("Open the list")}</span>
            </button>
          )}
          <p class="head-title">
            <bdi>{title}</bdi>
          </p>
          {isNarrow.value && (
            <button type="button" class="quiet" onClick={startNew}>
              <Icon name="plus" />
              <span class="visually-hidden">{t("Start over")}</span>
            </button>
          )}
        </header>
        {connection.value === "offline" && (
          <p class="banner" role="status">
            {t("No connection. Your text is kept; the page goes on by itself once it is back.")}
          </p>
        )}
        <Conversation />
        <Composer />
      </main>
      <Announcer />
      <Dialog />
    </div>
  );
}
