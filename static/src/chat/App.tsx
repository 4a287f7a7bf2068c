/** The page: list, conversation, composer. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Announcer } from "./Announcer";
import * as address from "./address";
import { Composer } from "./Composer";
import { Conversation } from "./Conversation";
import { shownTitle } from "./conversations";
import { Dialog } from "./Dialog";
import { isDrawerOpen, isNarrow, openDrawer } from "./drawer";
import { Icon } from "./icons";
import { WithoutSocket } from "./line/WithoutSocket";
import { Panels } from "./order/Panels";
import { TemporaryBanner } from "./order/TemporaryBanner";
import { isPlain } from "./prose";
import { visible as previewed } from "./rendering/previewed";
import { Sidebar } from "./Sidebar";
import { Extras } from "./settings/Extras";
import { connection } from "./socket";
import { lazily } from "./talk/lazily";
import { shown, startNew } from "./talk/shown";
import { t } from "./words";

const PreviewPane = lazily(async () => (await import("./rendering/PreviewPane")).PreviewPane);
const SharedView = lazily(async () => (await import("./order/SharedView")).SharedView);

export function App(): JSX.Element {
  const isShared = address.sharedId.value !== null;
  const title = isShared ? t("Shared chat") : shownTitle.value;
  useEffect(() => {
    document.title = title === "" ? t("Portal") : `${title} – ${t("Portal")}`;
  }, [title]);
  return (
    <div class="app">
      <Sidebar />
      <main class="main" tabIndex={-1} inert={isNarrow.value && isDrawerOpen.value}>
        <header class="head">
          {isNarrow.value && (
            <button type="button" class="quiet" onClick={openDrawer}>
              <Icon name="menu" />
              <span class="visually-hidden">{t("Open the list")}</span>
            </button>
          )}
          <HeadTitle title={title} />
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
        {isPlain.value && connection.value !== "offline" && (
          <p class="banner" role="status">
            {t(
              "Answers are plain text for now: a part of this page could not be fetched. Nothing is lost. It is tried again with the next answer, and when you reload the page.",
            )}
          </p>
        )}
        <WithoutSocket />
        <TemporaryBanner />
        {isShared ? <SharedView /> : <Conversation />}
        {!isShared && <Composer />}
      </main>
      {previewed.value !== null && <PreviewPane />}
      <Announcer />
      <Extras />
      <Panels />
      <Dialog />
    </div>
  );
}

/** Each page has a heading that says where one is; a new chat greets with its own. */
function HeadTitle({ title }: { title: string }): JSX.Element {
  if (title === "" && shown.value.is === "new") {
    return <span class="head-title" />;
  }
  return (
    <h1 class="head-title">
      {title === "" ? <span class="visually-hidden">{t("Chat")}</span> : <bdi>{title}</bdi>}
    </h1>
  );
}
