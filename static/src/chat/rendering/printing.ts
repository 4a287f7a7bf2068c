/** The whole conversation on paper: what was not loaded or not drawn is fetched and drawn first. */

import { isPrinting } from "../talk/near";
import { loadEarlier, shown } from "../talk/shown";
import { allDrawn } from "./drawing";

const MOST_FRAMES = 100;

export async function printShown(): Promise<void> {
  await loadAll();
  isPrinting.value = true;
  try {
    for (let frames = 0; frames < MOST_FRAMES && isSomethingLeft(); frames += 1) {
      await nextFrame();
    }
    await allDrawn();
    window.print();
  } finally {
    isPrinting.value = false;
  }
}

/** A turn that is not drawn has its heading directly below it (talk/Turn.tsx). */
function isSomethingLeft(): boolean {
  return document.querySelector(".turn > h2") !== null;
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

async function loadAll(): Promise<void> {
  for (let known = -1; countOfUnfinished() > known; ) {
    known = countOfUnfinished();
    await loadEarlier();
  }
}

/** Grows with each step back, and falls below everything once the beginning is there. */
function countOfUnfinished(): number {
  const now = shown.peek();
  return now.is === "open" && now.hasEarlier ? now.questions.length : -1;
}
