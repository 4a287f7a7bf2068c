/**
 * What stands still while heights change: the end while she follows it, else the question at the upper
 * edge. Browsers differ in doing this by themselves, so the style sheet tells them not to.
 */

const NEAR_PX = 48;
/** Where a question comes to stand that the page goes to. */
const EDGE_PX = 16;

export class Holding {
  isFollowing = true;
  private held: { turn: Element; top: number } | null = null;
  private lastTop = 0;
  private readonly turns: HTMLCollectionOf<Element>;

  constructor(
    private readonly box: HTMLElement,
    content: HTMLElement,
  ) {
    this.turns = content.getElementsByClassName("turn");
  }

  /** The person has scrolled, or we have. */
  scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX) {
      this.isFollowing = true;
    } else if (scrollTop < this.lastTop) {
      // Only going up is a wish to stay; growing content also moves the end away.
      this.isFollowing = false;
    }
    this.lastTop = scrollTop;
    this.held = this.atTheEdge();
  }

  toNewest(): void {
    this.isFollowing = true;
    this.box.scrollTop = this.box.scrollHeight;
    this.lastTop = this.box.scrollTop;
  }

  toTurn(turn: Element): void {
    this.isFollowing = false;
    this.held = { turn, top: EDGE_PX };
    this.restore();
  }

  /** Something has grown, shrunk, come or gone: back to where it was. */
  restore(): void {
    if (this.isFollowing) {
      this.toNewest();
    } else if (this.held?.turn.isConnected) {
      this.box.scrollTop += this.topOf(this.held.turn) - this.held.top;
      this.lastTop = this.box.scrollTop;
    }
  }

  /** The first question that is not wholly above the edge. They stand in order: halve and look. */
  private atTheEdge(): { turn: Element; top: number } | null {
    let low = 0;
    let high = this.turns.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const turn = this.turns[middle] as Element;
      if (this.topOf(turn) + turn.getBoundingClientRect().height > 0) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    const turn = this.turns[low];
    return turn === undefined ? null : { turn, top: this.topOf(turn) };
  }

  private topOf(turn: Element): number {
    return turn.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
  }
}
