/** What this browser remembers: drafts, the last model. Does without when storage is denied. */

const PREFIX = "portal.";

export function read(name: string, store: "local" | "tab" = "local"): string | null {
  try {
    return storage(store).getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function write(name: string, value: string, store: "local" | "tab" = "local"): void {
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

/** Everything but the theme goes when a person signs out: the next one may be somebody else. */
export function forget(): void {
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
