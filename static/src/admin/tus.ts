/**
 * Sends one file by the core of tus 1.0: in pieces, from wherever the server is, again after a break.
 * Knows no page. What it cannot mend by waiting is a `Refusal` with the server's sentence.
 */

export const PIECE_BYTES = 8 * 1024 * 1024;
const WAITS_MS = [500, 1_000, 2_000, 5_000, 10_000];

export class Refusal extends Error {}

export interface Sending {
  address: string;
  file: Blob;
  token: string;
  signal: AbortSignal;
  /** How much of the file is there now. */
  told: (offset: number) => void;
  /** Whether we wait for a server that does not answer. */
  away: (isAway: boolean) => void;
}

/** Returns when the whole file is there; throws an AbortError when the signal says so. */
export async function send(sending: Sending): Promise<void> {
  let offset = await patiently(sending, () => offsetOf(sending));
  sending.told(offset);
  while (offset < sending.file.size) {
    const from = offset;
    offset = await patiently(sending, () => sendPiece(sending, from));
    sending.told(offset);
  }
}

/** One of our own requests, with the token that proves the page is ours. */
export function ask(
  address: string,
  { token, headers, ...more }: RequestInit & { token: string },
): Promise<Response> {
  return fetch(address, {
    credentials: "same-origin",
    ...more,
    headers: { "X-CSRFToken": token, ...headers },
  });
}

export async function refusalOf(reply: Response): Promise<Refusal> {
  const body = (await reply.json().catch(() => ({}))) as { error?: string };
  return new Refusal(body.error ?? String(reply.status));
}

async function offsetOf(sending: Sending): Promise<number> {
  const { address, token, signal } = sending;
  const headers = { "Tus-Resumable": "1.0.0" };
  return offsetIn(await ask(address, { method: "HEAD", token, signal, headers }));
}

async function sendPiece(sending: Sending, offset: number): Promise<number> {
  const { address, file, token, signal } = sending;
  const reply = await ask(address, {
    method: "PATCH",
    token,
    signal,
    body: file.slice(offset, offset + PIECE_BYTES),
    headers: {
      "Tus-Resumable": "1.0.0",
      "Upload-Offset": String(offset),
      "Content-Type": "application/offset+octet-stream",
    },
  });
  // Another tab, or a piece of ours whose answer was lost, moved it on.
  return reply.status === 409 ? offsetOf(sending) : offsetIn(reply);
}

async function offsetIn(reply: Response): Promise<number> {
  if (reply.ok) {
    return Number(reply.headers.get("Upload-Offset"));
  }
  const isPassing = reply.status >= 500 || reply.status === 423 || reply.status === 429;
  throw isPassing ? new Error(String(reply.status)) : await refusalOf(reply);
}

/** Again and again, ever more slowly, until it succeeds, is refused, or is not wanted any more. */
async function patiently(sending: Sending, step: () => Promise<number>): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    try {
      const offset = await step();
      sending.away(false);
      return offset;
    } catch (error) {
      if (error instanceof Refusal || sending.signal.aborted) {
        throw error;
      }
      sending.away(true);
      await pause(WAITS_MS[Math.min(tries, WAITS_MS.length - 1)] as number, sending.signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = window.setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      done();
    });
  });
}
