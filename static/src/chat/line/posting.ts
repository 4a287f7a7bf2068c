/** Commands by POST, one request at a time: they arrive in the order in which they were sent. */

import { codeOf, posted } from "./events";
import { LOST } from "./line";
import { nextOf } from "./texts";

export class Posting {
  private readonly waiting: string[] = [];
  private readonly gone = new AbortController();
  private isAway = false;

  constructor(
    private readonly onText: (text: string) => void,
    private readonly onEnd: (code: number) => void,
  ) {}

  send(text: string): void {
    this.waiting.push(text);
    if (!this.isAway) {
      void this.go();
    }
  }

  close(): void {
    this.gone.abort();
  }

  private async go(): Promise<void> {
    this.isAway = true;
    try {
      while (this.waiting.length > 0 && !this.gone.signal.aborted) {
        const body = nextOf(this.waiting).join("\n");
        const reply = await posted("/page/frames/", body, this.gone.signal);
        if (!reply.ok) {
          this.end(codeOf(reply.status));
          return;
        }
        for (const line of (await reply.text()).split("\n").filter(Boolean)) {
          this.onText(line);
        }
      }
    } catch {
      this.end(LOST);
    } finally {
      this.isAway = false;
    }
  }

  private end(code: number): void {
    if (!this.gone.signal.aborted) {
      this.close();
      this.onEnd(code);
    }
  }
}
