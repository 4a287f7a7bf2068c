/** What this browser remembers: drafts, the last model. Does without when storage is denied. */

const PREFIX = "portal.";
/** Each write waits for the disk: not with every key that is pressed. */
const SOON_MS = 300;

/** What is to be written in a moment. */
const waiting = new Map<string, string>();
let timer: number | undefined;

export function read(name: string, store: "local" | "tab" = "local"): string | null {
  const newer = store === "local" ? waiting.get(name) : undefined;
  if (newer !== undefined) {
    return newer === "" ? null : newer;
  }
  try {
    return storage(store).getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** As `write`, in a moment, and in any case before the page goes: for what changes with every key. */
export function writeSoon(name: string, value: string): void {
  if (timer === undefined) {
    timer = window.setTimeout(writeWaiting, SOON_MS);
    window.addEventListener("pagehide", writeWaiting, { once: true });
    document.addEventListener("visibilitychange", writeWaiting, { once: true });
  }
  waiting.set(name, value);
}

function writeWaiting(): void {
  window.clearTimeout(timer);
  timer = undefined;
  for (const [name, value] of waiting) {
    write(name, value);
  }
}

export function write(name: string, value: string, store: "local" | "tab" = "local"): void {
  if (store === "local") {
    waiting.delete(name);
  }
  try {
    if (value === "") {
      storage(store).removeItem(PREFIX + name);
    } else {
      storage(store).setItem(PREFIX + name, value);
    }
  } catch {
    // Full or forbidden: the page works without.
  }
}

/**
 * What another person left here goes. She may have signed out on a page without scripts, in a browser
 * that was not told to forget, or not at all.
 */
export function keepOnlyOf(personId: string): void {
  const before = read("person");
  if (before !== null && before !== personId) {
    forget();
  }
  write("person", personId);
}

/** Everything but the theme goes when a person signs out: the next one may be somebody else. */
export function forget(): void {
  waiting.clear();
  for (const store of ["local", "tab"] as const) {
    try {
      const kept = storage(store);
      for (const key of Object.keys(kept)) {
        if (key.startsWith(PREFIX)) {
          kept.removeItem(key);
        }
      }
    } catch {
      // Nothing was kept then.
    }
  }
}

function storage(store: "local" | "tab"): Storage {
  return store === "local" ? window.localStorage : window.sessionStorage;
}
