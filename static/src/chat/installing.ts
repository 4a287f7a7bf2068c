/** The portal as an app of its own: its service worker, and the browser's offer to install it. */

import { signal } from "@preact/signals";
import { language } from "./words";

/** What Chromium tells before it would ask by itself; not in the standard's own types. */
interface Offer extends Event {
  prompt: () => Promise<unknown>;
}

const AFTER_MS = 3_000;

const offer = signal<Offer | null>(null);

/** Whether a press can install the portal: other browsers have it in a menu of theirs. */
export function canInstall(): boolean {
  return offer.value !== null;
}

export async function askToInstall(): Promise<void> {
  const now = offer.peek();
  // It can be used once.
  offer.value = null;
  await now?.prompt();
}

export function install(): void {
  window.addEventListener("beforeinstallprompt", (event) => {
    offer.value = event as Offer;
  });
  window.addEventListener("appinstalled", () => {
    offer.value = null;
  });
  // Absent on plain http: the page is the same without.
  if ("serviceWorker" in navigator) {
    whenIdle(register);
  }
}

function register(): void {
  const address = `/worker.js?language=${encodeURIComponent(language)}`;
  navigator.serviceWorker
    .register(address, { scope: "/", updateViaCache: "none" })
    .catch(() => undefined);
}

/** Somebody waits for the page; nobody waits for this. */
function whenIdle(act: () => void): void {
  if ("requestIdleCallback" in window) {
    window.requestIdleCallback(act, { timeout: AFTER_MS });
  } else {
    globalThis.setTimeout(act, AFTER_MS);
  }
}
