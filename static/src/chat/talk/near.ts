/** Which turns are near what is on the screen. Only those are drawn; the others keep their height. */

import { signal } from "@preact/signals";
import { createContext } from "preact";

/** Drawn before they come into sight, so that scrolling meets no blank. */
const MARGIN = "1500px 0px";

/** Paper has no edge to be near to: for a moment everything is drawn. */
export const isPrinting = signal(false);
window.addEventListener("beforeprint", () => {
  isPrinting.value = true;
});
window.addEventListener("afterprint", () => {
  isPrinting.value = false;
});

type Told = (isNear: boolean, heightPx: number) => void;

export class Nearness {
  private readonly told = new WeakMap<Element, Told>();
  private observer: IntersectionObserver | null = null;

  constructor(private readonly root: { current: Element | null }) {}

  watch(turn: Element, told: Told): () => void {
    this.observer ??= new IntersectionObserver((entries) => this.tell(entries), {
      root: this.root.current,
      rootMargin: MARGIN,
    });
    this.told.set(turn, told);
    this.observer.observe(turn);
    return () => this.observer?.unobserve(turn);
  }

  private tell(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      this.told.get(target)?.(isIntersecting, boundingClientRect.height);
    }
  }
}

export const NearnessContext = createContext<Nearness | null>(null);
