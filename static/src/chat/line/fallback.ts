/**
 * The line for networks that let no WebSocket through: what is asked goes by POST, what is told comes
 * as server-sent events. Same frames, same order.
 *
 * The events are begun anew whenever another answer is followed, and before their time is up: from
 * the numbers that were reached, and the old ones end when the new ones are there.
 */

import { Events } from "./events";
import { Followed, type Seen } from "./followed";
import { type Ends, type Line, RESTS } from "./line";
import { Posting } from "./posting";

const RENEW = 1000;
/** Of the time that the server gives. */
const RENEW_AFTER = 0.8;
/** Browsers have six connections for a site: a tab that nobody sees keeps none of them. */
const REST_AFTER_MS = 10_000;

export function fallbackLine(ends: Ends): Line {
  return new FallbackLine(ends);
}

class FallbackLine implements Line {
  readonly isFallback = true;
  private readonly followed = new Followed();
  private readonly posting: Posting;
  private newest: Events | null = null;
  private older: Events[] = [];
  private isOpen = false;
  private isOver = false;
  private isRenewing = false;
  private renewTimer: number | undefined;
  private restTimer: number | undefined;

  constructor(private readonly ends: Ends) {
    this.posting = new Posting(
      (text) => this.tell(text),
      (code) => this.end(code),
    );
    document.addEventListener("visibilitychange", this.look);
    this.look();
    this.renew();
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Seen;
    if (frame.type === "follow") {
      this.followed.add(frame);
      this.renewSoon();
    } else if (frame.type === "unfollow") {
      this.followed.drop(frame.generation_id);
      queueMicrotask(() => this.tell(JSON.stringify({ type: "ok", ref: frame.ref })));
    } else {
      this.posting.send(text);
    }
  }

  close(): void {
    this.isOver = true;
    document.removeEventListener("visibilitychange", this.look);
    window.clearTimeout(this.renewTimer);
    window.clearTimeout(this.restTimer);
    this.posting.close();
    for (const each of [...this.older, this.newest]) {
      each?.close();
    }
  }

  private readonly look = (): void => {
    window.clearTimeout(this.restTimer);
    if (document.visibilityState === "hidden") {
      this.restTimer = window.setTimeout(() => this.end(RESTS), REST_AFTER_MS);
    }
  };

  /** Several follows in a row begin the events anew once. */
  private renewSoon(): void {
    if (!this.isRenewing) {
      this.isRenewing = true;
      queueMicrotask(() => this.renew());
    }
  }

  private renew(): void {
    this.isRenewing = false;
    if (this.isOver) {
      return;
    }
    window.clearTimeout(this.renewTimer);
    if (this.newest !== null) {
      this.older.push(this.newest);
    }
    const fresh = new Events(this.followed.texts(), {
      onOpen: (lifeMs) => this.opened(fresh, lifeMs),
      onText: (text) => this.hear(fresh, text),
      onEnd: (code) => this.ended(fresh, code),
    });
    this.newest = fresh;
  }

  private opened(events: Events, lifeMs: number): void {
    if (events !== this.newest) {
      return;
    }
    for (const each of this.older.splice(0)) {
      each.close();
    }
    this.renewTimer = window.setTimeout(() => this.renew(), lifeMs * RENEW_AFTER);
    if (!this.isOpen) {
      this.isOpen = true;
      this.ends.onOpen(this);
    }
  }

  private hear(events: Events, text: string): void {
    const frame = JSON.parse(text) as Seen;
    if (events === this.newest) {
      this.followed.heard(frame);
      this.tell(text);
    } else if (frame.generation_id === undefined && frame.ref === undefined) {
      // A wake-up. What belongs to an answer comes again with the new ones, who began behind it.
      this.tell(text);
    }
  }

  private ended(events: Events, code: number): void {
    if (events !== this.newest) {
      this.older = this.older.filter((each) => each !== events);
    } else if (code === RENEW) {
      this.renew();
    } else {
      this.end(code);
    }
  }

  private tell(text: string): void {
    if (!this.isOver) {
      this.ends.onText(this, text);
    }
  }

  private end(code: number): void {
    if (!this.isOver) {
      this.close();
      this.ends.onClose(this, code);
    }
  }
}
