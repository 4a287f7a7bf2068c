/** The address bar: `/` is a new conversation, `/c/<id>/` is that one. */

const PATH = /^\/c\/([0-9a-f-]{36})\/?$/;

export function conversationId(): string | null {
  return PATH.exec(window.location.pathname)?.[1] ?? null;
}

export function pathOf(id: string | null): string {
  return id === null ? "/" : `/c/${id}/`;
}

export function go(id: string | null): void {
  if (conversationId() !== id || (id === null && window.location.pathname !== "/")) {
    window.history.pushState(null, "", pathOf(id));
  }
}

export function whenMoved(show: () => void): void {
  window.addEventListener("popstate", show);
}
