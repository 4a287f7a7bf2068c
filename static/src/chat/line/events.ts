/** One response that goes on: server-sent events, read as they come. Knows no frames. */

import { csrfToken } from "../page";
import { LOST, SIGNED_OUT, STALE_PAGE, TOO_MANY } from "./line";
import { fieldsOf } from "./texts";

export interface Heard {
  /** It is there, and will be for so long. */
  onOpen(lifeMs: number): void;
  onText(text: string): void;
  /** Once, and never for one that was closed here. */
  onEnd(code: number): void;
}

/** Twice the server's heartbeat, and a little more. */
const SILENCE_MS = 35_000;
const OPEN_WITHIN_MS = 10_000;

const CODES: Record<number, number> = { 401: SIGNED_OUT, 403: STALE_PAGE, 429: TOO_MANY };

export function codeOf(status: number): number {
  return CODES[status] ?? LOST;
}

export function posted(path: string, body: string, signal: AbortSignal): Promise<Response> {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/x-ndjson", "X-CSRFToken": csrfToken },
    credentials: "same-origin",
    cache: "no-store",
    // A page to sign in at is no answer to this.
    redirect: "error",
    body,
    signal,
  });
}

export class Events {
  private readonly gone = new AbortController();
  private timer: number;

  constructor(
    follows: readonly string[],
    private readonly heard: Heard,
  ) {
    this.timer = this.patience(OPEN_WITHIN_MS);
    void this.read(follows);
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.gone.abort();
  }

  private async read(follows: readonly string[]): Promise<void> {
    try {
      const reply = await posted("/page/line/", follows.join("\n"), this.gone.signal);
      if (!reply.ok || reply.body === null) {
        this.end(codeOf(reply.status));
        return;
      }
      await this.takeAll(reply.body.getReader());
    } catch {
      // Said below: it has ended.
    }
    this.end(LOST);
  }

  private async takeAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      rest += decoder.decode(part.value, { stream: true });
      const events = rest.split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        this.take(event);
      }
    }
  }

  private take(event: string): void {
    if (this.gone.signal.aborted) {
      return;
    }
    const { name, data } = fieldsOf(event);
    if (name === "close") {
      this.end(Number(data) || LOST);
      return;
    }
    if (name === "open") {
      this.heard.onOpen(Number(data) * 1000);
    } else if (data !== "") {
      this.heard.onText(data);
    }
    if (!this.gone.signal.aborted) {
      window.clearTimeout(this.timer);
      this.timer = this.patience(SILENCE_MS);
    }
  }

  private patience(ms: number): number {
    return window.setTimeout(() => this.end(LOST), ms);
  }

  private end(code: number): void {
    if (!this.gone.signal.aborted) {
      this.close();
      this.heard.onEnd(code);
    }
  }
}
