/** One answer on the page: finished blocks stand, the last one is redrawn as it grows. */

import { finishedChars, MAX_BLOCK_CHARS } from "./blocks";
import { highlightAll } from "./highlight";
import { blocksOf, type Environment, rendered } from "./markdown";
import { morph } from "./morph";
import { drawDiagrams, drawFormulas } from "./rendering/drawing";

export class GrowingText {
  private text = "";
  private finished = 0;
  private environment: Environment = {};
  private last: HTMLElement | null = null;

  constructor(private readonly place: HTMLElement) {}

  /** Shows this text. Cheap when it is the shown one and more; starts over when it is another. */
  show(text: string, isOver: boolean): void {
    if (!text.startsWith(this.text)) {
      this.startOver();
    }
    this.text = text;
    this.finish(isOver);
    const tail = text.slice(this.finished);
    if (tail.trim() === "") {
      this.last?.remove();
      this.last = null;
    } else {
      this.redraw(tail);
    }
    drawFormulas(this.place);
    if (isOver) {
      void highlightAll(this.place);
    }
  }

  private startOver(): void {
    this.place.replaceChildren();
    this.finished = 0;
    this.environment = {};
    this.last = null;
  }

  private finish(isOver: boolean): void {
    const tail = this.text.slice(this.finished);
    let count = isOver
      ? tail.length
      : finishedChars(tail, (source) => blocksOf(source, { ...this.environment }));
    if (count === 0 && tail.length > MAX_BLOCK_CHARS && !tail.startsWith("```")) {
      count = tail.lastIndexOf("\n") + 1;
    }
    if (count === 0) {
      return;
    }
    const block = this.last ?? this.place.appendChild(newBlock());
    block.classList.remove("growing");
    morph(block, rendered(tail.slice(0, count), this.environment));
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
    morph(this.last, rendered(tail, { ...this.environment }));
  }
}

function newBlock(): HTMLElement {
  const block = document.createElement("div");
  block.className = "block";
  return block;
}
