/** One answer on the page: finished blocks stand, the last one is redrawn as it grows. */

import { MAX_BLOCK_CHARS, nextChars } from "./blocks";
import { highlightAll } from "./highlight";
import { blocksOf, type Environment, rendered } from "./markdown";
import { morph } from "./morph";
import { drawDiagrams, drawFormulas } from "./rendering/drawing";
import { OpenFence } from "./rendering/fence";
import { appendCode, longCode } from "./rendering/longcode";

/** So long at a stretch; then keys and clicks have their turn (threat D6). */
const STRETCH_MS = 8;

export class GrowingText {
  private text = "";
  private finished = 0;
  private environment: Environment = {};
  private last: HTMLElement | null = null;
  private fence: OpenFence | null = null;
  private isOver = false;
  private timer = 0;

  constructor(private readonly place: HTMLElement) {}

  /** Shows this text. Cheap when it is the shown one and more; starts over when it is another. */
  show(text: string, isOver: boolean): void {
    // What was over and goes on: its end was no end of a paragraph, nor of a program.
    const goesOn = this.isOver && !(isOver && text === this.text);
    if (goesOn || !text.startsWith(this.text)) {
      this.startOver();
    }
    const before = this.text;
    this.text = text;
    this.isOver = isOver;
    if (isOver || !this.takesMoreCode(before)) {
      this.goOn();
    }
  }

  /** True when what has come is more of the block of code at the end, and stands there now. */
  private takesMoreCode(before: string): boolean {
    const added = this.fence?.added(before, this.text) ?? null;
    const code = this.last?.querySelector<HTMLElement>("pre > code") ?? null;
    if (added === null || code === null) {
      return false;
    }
    appendCode(code, added);
    return true;
  }

  /** As far as there is time for; the rest of a long text follows in a moment. */
  private goOn(): void {
    window.clearTimeout(this.timer);
    this.fence = null;
    const until = performance.now() + STRETCH_MS;
    for (let count = this.next(); count > 0; count = this.next()) {
      this.finish(count);
      if (performance.now() > until && this.finished < this.text.length) {
        this.timer = window.setTimeout(() => this.goOn());
        return;
      }
    }
    const tail = this.text.slice(this.finished);
    if (tail.trim() === "") {
      this.last?.remove();
      this.last = null;
    } else {
      this.redraw(tail);
    }
    drawFormulas(this.place);
    if (this.isOver) {
      void highlightAll(this.place);
    }
  }

  private next(): number {
    const tail = this.text.slice(this.finished);
    return nextChars(tail, this.isOver, (source) => blocksOf(source, { ...this.environment }));
  }

  private startOver(): void {
    window.clearTimeout(this.timer);
    this.place.replaceChildren();
    this.finished = 0;
    this.environment = {};
    this.last = null;
    this.fence = null;
  }

  private finish(count: number): void {
    const block = this.last ?? this.place.appendChild(newBlock());
    block.classList.remove("growing");
    draw(block, this.text.slice(this.finished, this.finished + count), this.environment);
    void highlightAll(block);
    drawDiagrams(block);
    this.finished += count;
    this.last = null;
  }

  private redraw(tail: string): void {
    if (this.last === null) {
      this.last = this.place.appendChild(newBlock());
      this.last.classList.add("growing");
    }
    draw(this.last, tail, { ...this.environment });
    this.fence = OpenFence.of(tail);
  }
}

function draw(block: HTMLElement, source: string, environment: Environment): void {
  if (source.length > MAX_BLOCK_CHARS) {
    block.replaceChildren(longCode(source));
  } else {
    morph(block, rendered(source, environment));
  }
}

function newBlock(): HTMLElement {
  const block = document.createElement("div");
  block.className = "block";
  return block;
}
