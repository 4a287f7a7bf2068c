/** Pure: which requests the service worker answers for. A closed list; all else it does not see. */

/** What the server writes in front of the worker, anew with each build. */
export interface Shell {
  /** Paths of the files that pages are made of. Each carries the hash of its content in its name. */
  files: readonly string[];
  /** A page without data of anybody, shown when the portal cannot be reached. */
  offline: string;
  /** Those of the files that this page needs. */
  offlineFiles: readonly string[];
}

/** The chat: one page whatever the conversation. Others say for themselves when they do not come. */
const CHAT = /^\/(?:c\/[0-9a-f-]{36}\/)?$/;

interface Asked {
  method: string;
  url: string;
  mode: string;
}

export function isFile(asked: Asked, shell: Shell, origin: string): boolean {
  const address = new URL(asked.url);
  return (
    asked.method === "GET" &&
    address.origin === origin &&
    address.search === "" &&
    shell.files.includes(address.pathname)
  );
}

export function isChat(asked: Asked, origin: string): boolean {
  const address = new URL(asked.url);
  return (
    asked.method === "GET" &&
    asked.mode === "navigate" &&
    address.origin === origin &&
    CHAT.test(address.pathname)
  );
}
