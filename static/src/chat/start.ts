/** Ties the parts together: what happens on a connection, on a push, and on a gap. */

import * as address from "./address";
import { refreshList, takeList } from "./conversations";
import { hear, resumeJourneys } from "./files/travelling";
import type { Push, Welcome } from "./frames";
import { followAddress, readShared } from "./order/shared";
import { refreshShelves } from "./order/shelves";
import { endWhenLeft } from "./order/temporary";
import { fetchDrawer } from "./prose";
import { resume } from "./sending";
import { models, takeWelcome } from "./session";
import * as settings from "./settings/chosen";
import { ask, connect } from "./socket";
import { forgetFollowed, receiveDelta, receiveStatus, whenGap } from "./stream";
import { followShown, openFromAddress, reload, shown, shownId } from "./talk/shown";

const REREAD_AFTER_MS = 150;

let rereadTimer: number | undefined;
let listTimer: number | undefined;
let isFirst = true;

export function start(): void {
  address.whenMoved(() => void openFromAddress());
  endWhenLeft();
  whenGap(() => rereadShown());
  connect({ onConnected, onPush });
}

async function onConnected(): Promise<void> {
  const welcome = (await ask("hello", {}, { isRepeated: false })) as Welcome;
  takeWelcome(welcome);
  takeList(welcome.conversations, welcome.more);
  void refreshShelves().catch(() => undefined);
  forgetFollowed();
  if (isFirst) {
    isFirst = false;
    followAddress();
    void openFromAddress();
    resume();
    return;
  }
  followShown();
  rereadShown();
  resumeJourneys();
  void fetchDrawer();
}

function onPush(push: Push): void {
  switch (push.type) {
    case "delta":
      receiveDelta(push);
      break;
    case "status":
      receiveStatus(push);
      break;
    case "models":
      models.value = push.models;
      break;
    case "file.changed":
      hear(push);
      break;
    case "changed":
      rereadList();
      if (push.conversation_id === address.sharedId.peek()) {
        void readShared(push.conversation_id);
      }
      if (push.conversation_id === shownId.peek()) {
        rereadShown();
        settings.reread();
      }
      break;
  }
}

/** Wake-ups come in bunches; one reading answers them all. */
function rereadShown(): void {
  window.clearTimeout(rereadTimer);
  rereadTimer = window.setTimeout(() => {
    const now = shown.peek();
    if (now.is !== "new") {
      void reload(now.id).catch(() => undefined);
    }
  }, REREAD_AFTER_MS);
}

function rereadList(): void {
  window.clearTimeout(listTimer);
  listTimer = window.setTimeout(() => {
    void Promise.all([refreshList(), refreshShelves()]).catch(() => undefined);
  }, REREAD_AFTER_MS);
}
