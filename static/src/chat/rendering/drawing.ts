/**
 * Turns formulas and diagrams below a place into pictures, a few at a time, with tools that are
 * fetched when the first one appears. What cannot be drawn stays text.
 */

import { button } from "../code";
import { t } from "../words";
import type { Drawing } from "./diagrams";

/** So long at a stretch; then keys and clicks have their turn (threat D6). */
const STRETCH_MS = 8;

type Draw = (place: HTMLElement, tex: string, isBlock: boolean) => boolean;
let drawFormula: Draw | null = null;
const waiting: HTMLElement[] = [];
let isDrawing = false;
const underway = new Set<Promise<void>>();

/** Once everything that is on the page by now is drawn. */
export async function allDrawn(): Promise<void> {
  while (underway.size > 0) {
    await Promise.all(underway);
  }
}

function note(drawing: Promise<void>): void {
  underway.add(drawing);
  void drawing.finally(() => underway.delete(drawing));
}

export function drawFormulas(inside: ParentNode): void {
  const found = inside.querySelectorAll<HTMLElement>(".formula:not([data-drawn])");
  if (found.length > 0) {
    waiting.push(...found);
    if (!isDrawing) {
      isDrawing = true;
      note(drawWaiting());
    }
  }
}

async function drawWaiting(): Promise<void> {
  try {
    drawFormula ??= (await import("./formula")).drawInto;
    let until = performance.now() + STRETCH_MS;
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
      drawOne(place, drawFormula);
      if (performance.now() > until) {
        await new Promise((resolve) => setTimeout(resolve));
        until = performance.now() + STRETCH_MS;
      }
    }
  } catch {
    // Offline, or an old page after an upgrade: the source of a formula can be read too.
    waiting.length = 0;
  } finally {
    isDrawing = false;
  }
}

function drawOne(place: HTMLElement, draw: Draw): void {
  if (!place.isConnected || place.dataset.drawn !== undefined) {
    return;
  }
  const tex = place.textContent ?? "";
  place.dir = "ltr";
  if (!draw(place, tex, place.classList.contains("formula-block"))) {
    place.textContent = `$${tex}$`;
    place.title = t("This formula cannot be drawn, so you see its source.");
  }
  place.dataset.drawn = tex;
}

/** Draws each finished block of Mermaid below `inside`, once. */
export function drawDiagrams(inside: ParentNode): void {
  const found = [...inside.querySelectorAll<HTMLElement>("code[data-language=mermaid]")].filter(
    (code) => code.closest<HTMLElement>("figure")?.dataset.diagram === undefined,
  );
  if (found.length === 0) {
    return;
  }
  for (const code of found) {
    const figure = code.closest("figure");
    if (figure !== null) {
      figure.dataset.diagram = "coming";
    }
  }
  note(drawEach(found));
}

async function drawEach(found: readonly HTMLElement[]): Promise<void> {
  try {
    const { draw } = await import("./diagrams");
    for (const code of found) {
      show(code, await draw(code.textContent ?? ""));
    }
  } catch {
    // As with formulas.
  }
}

function show(code: HTMLElement, drawing: Drawing | null): void {
  const figure = code.closest("figure");
  if (figure === null) {
    return;
  }
  if (drawing === null) {
    figure.dataset.diagram = "failed";
    const note = document.createElement("p");
    note.className = "diagram-note";
    note.textContent = t("This diagram cannot be drawn, so you see its source.");
    figure.append(note);
    return;
  }
  figure.dataset.diagram = "shown";
  const box = document.createElement("div");
  box.className = "diagram";
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", t("Diagram"));
  box.append(pictureOf(drawing));
  figure.querySelector("pre")?.before(box);
  const source = button("source", t("Source"));
  source.setAttribute("aria-pressed", "false");
  figure.querySelector(".code-tools")?.prepend(source);
}

export function pictureOf(drawing: Drawing): HTMLImageElement {
  const picture = document.createElement("img");
  picture.alt = t("Diagram");
  picture.width = drawing.widthPx;
  picture.height = drawing.heightPx;
  picture.src = drawing.address;
  return picture;
}
