/** The address bar: `/` is a new conversation, `/c/<id>/` is that one, `/s/<id>/` a shared snapshot. */

import { computed, signal } from "@preact/signals";

const PATH = /^\/c\/([0-9a-f-]{36})\/?$/;
const SHARED = /^\/s\/([0-9a-f-]{36})\/?$/;

const path = signal(typeof window === "undefined" ? "/" : window.location.pathname);

export const sharedId = computed<string | null>(() => SHARED.exec(path.value)?.[1] ?? null);

export function conversationId(): string | null {
  return PATH.exec(window.location.pathname)?.[1] ?? null;
}

export function pathOf(id: string | null): string {
  return id === null ? "/" : `/c/${id}/`;
}

export function pathOfShared(id: string): string {
  return `/s/${id}/`;
}

export function go(id: string | null): void {
  if (conversationId() !== id || (id === null && window.location.pathname !== "/")) {
    goTo(pathOf(id));
  }
}

export function goShared(id: string): void {
  if (sharedId.peek() !== id) {
    goTo(pathOfShared(id));
  }
}

export function whenMoved(show: () => void): void {
  window.addEventListener("popstate", () => {
    path.value = window.location.pathname;
    show();
  });
}

function goTo(to: string): void {
  window.history.pushState(null, "", to);
  path.value = to;
}
