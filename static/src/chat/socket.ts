/** The road to the server: asks, hears, and comes back by itself. Knows frames, not what they mean. */

import { signal } from "@preact/signals";
import { type Frame, isReply, type Push, parse, type Refusal, type Reply } from "./frames";
import { type Ends, type Line, LOST, RESTS, SIGNED_OUT, STALE_PAGE } from "./line/line";
import * as roads from "./line/roads";
import * as memory from "./memory";
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
/** Some networks open a connection and let nothing pass. */
const WELCOME_WITHIN_MS = 15_000;
/** After more than these it is the server that is away, whatever the way. */
const FEW_FAILURES = 3;
/** The server's limit on a frame. In bytes: most of the world's letters take two to four. */
const MAX_FRAME_BYTES = 256 * 1024;

const asked = new Map<number, Asked>();
let line: Line | null = null;
let isOpen = false;
let listener: Listener | null = null;
let lastRef = 0;
let failures = 0;
let retryTimer: number | undefined;
let pingTimer: number | undefined;

const ends: Ends = {
  onOpen: (opened) => {
    isOpen = true;
    void welcome(opened);
  },
  onText: (_line, text) => hear(text),
  onClose: lost,
};

export function connect(to: Listener): void {
  listener = to;
  window.addEventListener("online", () => {
    roads.networkChanged();
    reconnectNow();
  });
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
    if (!isOpen && !isRepeated) {
      reject(new Disconnected());
      return;
    }
    asked.set(ref, { text, isRepeated, resolve, reject });
    // Before hello is answered only hello travels; the rest follows in order.
    if (isOpen && (connection.value === "online" || !isRepeated)) {
      line?.send(text);
    }
  });
}

/** Half of a character, as a careless cut leaves it, is nothing a server could read. */
function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}

/** Also asks whether a connection that looks open still is: laptops sleep without closing. */
function reconnectNow(): void {
  if (line === null) {
    window.clearTimeout(retryTimer);
    open();
  } else if (connection.value === "online") {
    ping(line);
  }
}

function open(): void {
  line = roads.open(ends);
}

async function welcome(opened: Line): Promise<void> {
  const timer = window.setTimeout(() => giveUp(opened), WELCOME_WITHIN_MS);
  try {
    await listener?.onConnected();
  } catch {
    giveUp(opened);
    return;
  } finally {
    window.clearTimeout(timer);
  }
  if (line !== opened) {
    return;
  }
  failures = 0;
  connection.value = "online";
  memory.write("stale", "", "tab");
  for (const waiting of asked.values()) {
    if (waiting.isRepeated) {
      opened.send(waiting.text);
    }
  }
  pingTimer = window.setInterval(() => ping(opened), PING_EVERY_MS);
  roads.welcomed(opened, ends, takeBetter);
}

/** A socket, after all: from now on by it, as after any other change of lines. */
function takeBetter(better: Line): void {
  line?.close();
  leave();
  connection.value = "connecting";
  line = better;
  isOpen = true;
  void welcome(better);
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

/** What travelled by the line that is left: some of it is asked again by the next, some never is. */
function leave(): void {
  line = null;
  isOpen = false;
  window.clearInterval(pingTimer);
  for (const [ref, waiting] of asked) {
    if (!waiting.isRepeated) {
      asked.delete(ref);
      waiting.reject(new Disconnected());
    }
  }
}

function lost(closed: Line, code: number): void {
  if (line !== closed) {
    return;
  }
  leave();
  roads.ended(closed, code);
  if (code === SIGNED_OUT || (code === STALE_PAGE && isFirstStale())) {
    signIn();
    return;
  }
  const counted = failures < FEW_FAILURES && roads.isOtherNext(closed) ? 0 : failures;
  connection.value = isServerAway(counted, code) ? "offline" : "connecting";
  if (code !== RESTS) {
    retryTimer = window.setTimeout(open, waitMs(counted, code));
    failures += 1;
  }
}

function giveUp(opened: Line): void {
  opened.close();
  // A dead connection may take minutes to say that it closed.
  lost(opened, LOST);
}

function ping(opened: Line): void {
  const timer = window.setTimeout(() => giveUp(opened), PONG_WITHIN_MS);
  ask("ping", {}, { isRepeated: false })
    .catch(() => undefined)
    .finally(() => window.clearTimeout(timer));
}

/** Somebody signed in anew beside this page: loaded again, it has the proof that is asked for now. */
function isFirstStale(): boolean {
  const isFirst = memory.read("stale", "tab") === null;
  memory.write("stale", "yes", "tab");
  return isFirst;
}

export function signIn(): void {
  const next = encodeURIComponent(window.location.pathname);
  window.location.assign(`/accounts/login/?next=${next}`);
}
