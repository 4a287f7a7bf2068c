/** Pure: which answers a line without a socket follows, and how far each has come. */

interface Follow {
  type: "follow";
  ref: number;
  generation_id: string;
  attempt: number;
  number: number;
}

/** A frame, of which only this much is looked at here. */
export interface Seen {
  type: string;
  ref?: number | null;
  generation_id?: string;
  attempt?: number;
  last?: number;
  number?: number;
  end?: unknown;
}

export class Followed {
  private readonly byId = new Map<string, Follow>();

  add(frame: Seen): void {
    const follow = frame as Follow;
    this.byId.set(follow.generation_id, { ...follow });
  }

  drop(generationId: string | undefined): void {
    this.byId.delete(generationId ?? "");
  }

  /** What came over the line; afterwards it would be asked for from there. */
  heard(frame: Seen): void {
    if (frame.type === "refusal") {
      for (const [id, follow] of this.byId) {
        if (follow.ref === frame.ref) {
          this.byId.delete(id);
        }
      }
      return;
    }
    const follow = this.byId.get(frame.generation_id ?? "");
    if (frame.type !== "delta" || follow === undefined) {
      return;
    }
    if (frame.end !== null) {
      this.byId.delete(follow.generation_id);
      return;
    }
    follow.attempt = frame.attempt ?? follow.attempt;
    follow.number = frame.last ?? follow.number;
  }

  /** The commands that the next line begins with. */
  texts(): string[] {
    return [...this.byId.values()].map((follow) => JSON.stringify(follow));
  }
}
