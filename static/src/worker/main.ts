/**
 * The service worker: keeps the files that pages are made of, and says so when the portal cannot be
 * reached. Keeps nothing of a person and no page with data (docs/decisions/0035). Imports nothing at
 * run time: it is sent as one script.
 */

import { isChat, isFile, type Shell } from "./shell";

interface Late extends Event {
  waitUntil: (done: Promise<unknown>) => void;
}

interface Fetching extends Late {
  request: Request;
  preloadResponse: Promise<Response | undefined>;
  respondWith: (answer: Promise<Response>) => void;
}

/** What of a worker's own world the page's types do not know. */
interface World {
  shell: Shell;
  skipWaiting: () => Promise<void>;
  clients: { claim: () => Promise<void> };
  registration: ServiceWorkerRegistration;
}

const world = self as unknown as World;
const { shell } = world;
const KEPT = "shell";

addEventListener("install", (event) => (event as Late).waitUntil(prepare()));
addEventListener("activate", (event) => (event as Late).waitUntil(begin()));
addEventListener("fetch", (event) => answer(event as Fetching));

async function prepare(): Promise<void> {
  const kept = await caches.open(KEPT);
  // Without cookies: it must be the same for whoever sits here next.
  const page = new Request(shell.offline, { cache: "reload", credentials: "omit" });
  await kept.addAll([page, ...shell.offlineFiles]);
  await world.skipWaiting();
}

/** Drops whatever this build is not made of. A tab that is still open has what it runs. */
async function begin(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name !== KEPT) {
      await caches.delete(name);
    }
  }
  const kept = await caches.open(KEPT);
  const wanted = new Set([...shell.files, shell.offline]);
  for (const request of await kept.keys()) {
    if (!wanted.has(new URL(request.url).pathname)) {
      await kept.delete(request);
    }
  }
  await world.registration.navigationPreload?.enable();
  await world.clients.claim();
}

function answer(event: Fetching): void {
  if (isFile(event.request, shell, location.origin)) {
    event.respondWith(fileFor(event));
  } else if (isChat(event.request, location.origin)) {
    event.respondWith(pageFor(event));
  }
}

async function fileFor(event: Fetching): Promise<Response> {
  const address = event.request.url;
  const kept = await caches.open(KEPT);
  const known = await kept.match(address);
  if (known !== undefined) {
    return known;
  }
  const fetched = await fetch(event.request);
  if (fetched.ok && fetched.type === "basic") {
    // No room is no reason to keep the page waiting.
    event.waitUntil(kept.put(address, fetched.clone()).catch(() => undefined));
  }
  return fetched;
}

async function pageFor(event: Fetching): Promise<Response> {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(shell.offline)) ?? Response.error();
  }
}
