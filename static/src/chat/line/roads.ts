/** Opens lines: a WebSocket where one can be had, else the fallback; and goes back as soon as it can. */

import { signal } from "@preact/signals";
import * as memory from "../memory";
import { fallbackLine } from "./fallback";
import { type Ends, type Line, LOST, socketLine } from "./line";
import { afterEnd, isOfTheNetwork, NEW, nextWay, type Past, probeWaitMs, SHORT_MS } from "./ways";

/** The page works, and this network lets no WebSocket through. */
export const isWithoutSocket = signal(false);

const PONG_WITHIN_MS = 8_000;
/** Larger than any that an ask has used: its reply is nobody's but ours. */
const PROBE_REF = 2 ** 53;

// Where it was so before, a new tab does not wait to find out again.
let past: Past = { ...NEW, isBarred: memory.read("way") === "fallback" };
let welcomedAt: number | null = null;
let probe: Line | null = null;
let probes = 0;
let timer: number | undefined;
/** What tries a socket now, while the fallback stands. */
let tryNow: (() => void) | null = null;

export function open(ends: Ends): Line {
  stopProbing();
  welcomedAt = null;
  return nextWay(past) === "socket" ? socketLine(ends) : fallbackLine(ends);
}

/** The server has answered over it. With the fallback, `onBetter` is called once there is a socket. */
export function welcomed(line: Line, ends: Ends, onBetter: (better: Line) => void): void {
  welcomedAt = Date.now();
  if (!line.isFallback) {
    bar(false);
    return;
  }
  if (!past.isCutShort) {
    probes = 0;
    probeLater(ends, onBetter);
    return;
  }
  // A server that dies again and again cuts sockets too; but then this line does not stand either.
  timer = window.setTimeout(() => {
    bar(true);
    probeLater(ends, onBetter);
  }, SHORT_MS);
}

export function ended(line: Line, code: number): void {
  stopProbing();
  const livedMs = welcomedAt === null ? null : Date.now() - welcomedAt;
  welcomedAt = null;
  past = afterEnd(past, line.isFallback ? "fallback" : "socket", code, livedMs);
}

/** The network may be another one: then a socket is worth a try before its time. */
export function networkChanged(): void {
  if (probe === null) {
    tryNow?.();
  }
}

/** Whether the other way is worth a try at once, rather than when the server may be back. */
export function isOtherNext(ended: Line): boolean {
  return !ended.isFallback && nextWay(past) === "fallback";
}

function bar(isBarred: boolean): void {
  past = { ...past, isBarred };
  isWithoutSocket.value = isBarred;
  memory.write("way", isBarred ? "fallback" : "");
}

function probeLater(ends: Ends, onBetter: (better: Line) => void): void {
  const waitMs = probeWaitMs(past, probes);
  probes += 1;
  tryNow = () => tryBetter(ends, onBetter);
  timer = window.setTimeout(tryNow, waitMs);
}

/** A socket counts once something has come back over it: some networks open it and let nothing pass. */
function tryBetter(ends: Ends, onBetter: (better: Line) => void): void {
  let isTaken = false;
  window.clearTimeout(timer);
  const failed = (code: number): void => {
    stopProbing();
    if (isOfTheNetwork(code)) {
      bar(true);
    }
    probeLater(ends, onBetter);
  };
  probe = socketLine({
    onOpen: (line) => {
      line.send(JSON.stringify({ type: "ping", ref: PROBE_REF }));
      timer = window.setTimeout(() => failed(LOST), PONG_WITHIN_MS);
    },
    onText: (line, text) => {
      if (!isTaken) {
        isTaken = true;
        window.clearTimeout(timer);
        tryNow = null;
        probe = null;
        welcomedAt = null;
        onBetter(line);
      }
      ends.onText(line, text);
    },
    onClose: (line, code) => (isTaken ? ends.onClose(line, code) : failed(code)),
  });
}

function stopProbing(): void {
  tryNow = null;
  window.clearTimeout(timer);
  probe?.close();
  probe = null;
}
