/** The road to the server: asks, hears, and comes back by itself. Knows frames, not what they mean. */

import { signal } from "@preact/signals";
import { type Frame, isReply, type Push, parse, type Refusal, type Reply } from "./frames";
import { isServerAway, waitMs } from "./patience";

export type Connection = "connecting" | "online" | "offline";

export const connection = signal<Connection>("connecting");
/** Frames that are not on our list, dropped unread. */
export const droppedFrames = signal(0);

export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

export class Disconnected extends Error {}

/** More than one frame holds: sent, it would end the connection, and again on each new one. */
export class TooLong extends Error {
  constructor(readonly mostChars: number) {
    super();
  }
}

interface Asked {
  text: string;
  /** Nobody heard an answer to it: ask again on the next connection. All our commands allow that. */
  isRepeated: boolean;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

interface Listener {
  onPush: (push: Push) => void;
  /** Says hello and takes up what was open. Runs on each new connection, before anything repeated. */
  onConnected: () => Promise<void>;
}

const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 8_000;
/** The server's limit on a frame. In bytes: most of the world's letters take two to four. */
const MAX_FRAME_BYTES = 256 * 1024;
const SIGNED_OUT = 4401;

const asked = new Map<number, Asked>();
let socket: WebSocket | null = null;
let listener: Listener | null = null;
let lastRef = 0;
let failures = 0;
let retryTimer: number | undefined;
let pingTimer: number | undefined;

export function connect(to: Listener): void {
  listener = to;
  window.addEventListener("online", reconnectNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      reconnectNow();
    }
  });
  open();
}

export function ask(
  type: string,
  fields: Record<string, unknown> = {},
  { isRepeated = true } = {},
): Promise<Reply> {
  lastRef += 1;
  const ref = lastRef;
  const text = JSON.stringify({ type, ref, ...fields }, wellFormed);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_FRAME_BYTES) {
    const mostChars = Math.floor((text.length * MAX_FRAME_BYTES) / bytes);
    return Promise.reject(new TooLong(mostChars));
  }
  return new Promise((resolve, reject) => {
    const isOpen = socket?.readyState === WebSocket.OPEN;
    if (!isOpen && !isRepeated) {
      reject(new Disconnected());
      return;
    }
    asked.set(ref, { text, isRepeated, resolve, reject });
    // Before hello is answered only hello travels; the rest follows in order.
    if (isOpen && (connection.value === "online" || !isRepeated)) {
      socket?.send(text);
    }
  });
}

/** Half of a character, as a careless cut leaves it, is nothing a server could read. */
function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}

/** Also asks whether a connection that looks open still is: laptops sleep without closing. */
function reconnectNow(): void {
  if (socket === null) {
    window.clearTimeout(retryTimer);
    open();
  } else if (connection.value === "online") {
    ping(socket);
  }
}

function open(): void {
  const address = new URL("/ws/chat/", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(address.href);
  socket = opened;
  opened.addEventListener("open", () => void welcome(opened));
  opened.addEventListener("message", (event) => hear(event.data));
  opened.addEventListener("close", (event) => lost(opened, event.code));
}

async function welcome(opened: WebSocket): Promise<void> {
  try {
    await listener?.onConnected();
  } catch {
    opened.close();
    return;
  }
  if (socket !== opened) {
    return;
  }
  failures = 0;
  connection.value = "online";
  for (const waiting of asked.values()) {
    if (waiting.isRepeated) {
      opened.send(waiting.text);
    }
  }
  pingTimer = window.setInterval(() => ping(opened), PING_EVERY_MS);
}

function hear(data: unknown): void {
  const frame: Frame | null = parse(data);
  if (frame === null) {
    droppedFrames.value += 1;
  } else if (frame.type === "refusal") {
    const waiting = frame.ref === null ? undefined : taken(frame.ref);
    waiting?.reject(new Refused(frame));
  } else if (isReply(frame)) {
    taken(frame.ref)?.resolve(frame);
  } else {
    listener?.onPush(frame);
  }
}

function taken(ref: number): Asked | undefined {
  const waiting = asked.get(ref);
  asked.delete(ref);
  return waiting;
}

function lost(closed: WebSocket, code: number): void {
  if (socket !== closed) {
    return;
  }
  socket = null;
  window.clearInterval(pingTimer);
  for (const [ref, waiting] of asked) {
    if (!waiting.isRepeated) {
      asked.delete(ref);
      waiting.reject(new Disconnected());
    }
  }
  if (code === SIGNED_OUT) {
    signIn();
    return;
  }
  connection.value = isServerAway(failures, code) ? "offline" : "connecting";
  retryTimer = window.setTimeout(open, waitMs(failures, code));
  failures += 1;
}

function ping(opened: WebSocket): void {
  const timer = window.setTimeout(() => {
    opened.close();
    // A dead connection may take minutes to say that it closed.
    lost(opened, 1006);
  }, PONG_WITHIN_MS);
  ask("ping", {}, { isRepeated: false })
    .catch(() => undefined)
    .finally(() => window.clearTimeout(timer));
}

export function signIn(): void {
  const next = encodeURIComponent(window.location.pathname);
  window.location.assign(`/accounts/login/?next=${next}`);
}
