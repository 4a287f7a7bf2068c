/** The pages of the API: searching them, and copying a command. All else is plain HTML. */

import "./docs.css";
import { copy } from "../chat/copying";
import { matches } from "./searching";

function offerCopies(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    const words = button.textContent ?? "";
    button.hidden = false;
    button.addEventListener("click", async () => {
      const command = button.parentElement?.querySelector("code")?.textContent ?? "";
      if (await copy(command)) {
        button.textContent = button.dataset.done ?? words;
        say(button.textContent);
      }
    });
    button.addEventListener("blur", () => {
      button.textContent = words;
    });
  }
}

interface Place {
  section: HTMLElement;
  text: string;
  link: HTMLElement | null;
}

function places(): Place[] {
  return [...document.querySelectorAll<HTMLElement>("[data-operation]")].map((section) => ({
    section,
    text: (section.textContent ?? "").toLowerCase(),
    link: linkTo(section),
  }));
}

function linkTo(section: HTMLElement): HTMLElement | null {
  const link = section.id ? document.querySelector(`.contents a[href="#${section.id}"]`) : null;
  return link?.closest("li") ?? null;
}

function offerSearch(): void {
  const box = document.querySelector<HTMLElement>("[data-search]");
  const field = box?.querySelector("input");
  if (!box || !field) return;
  const all = places();
  box.hidden = false;
  field.addEventListener("input", () => show(all, field.value));
  // A link to something that the search hides would lead nowhere.
  window.addEventListener("hashchange", () => {
    if (document.querySelector(":target")?.closest("[hidden]")) {
      field.value = "";
      show(all, "");
      document.querySelector(":target")?.scrollIntoView();
    }
  });
}

function show(all: Place[], wanted: string): void {
  let count = 0;
  for (const place of all) {
    const isFound = matches(place.text, wanted);
    count += isFound ? 1 : 0;
    place.section.hidden = !isFound;
    if (place.link) place.link.hidden = !isFound;
  }
  for (const group of document.querySelectorAll<HTMLElement>("[data-group]")) {
    group.hidden = !group.querySelector("[data-operation]:not([hidden])");
  }
  for (const links of document.querySelectorAll<HTMLElement>("[data-links]")) {
    links.hidden = !links.querySelector("li:not([hidden])");
  }
  tell(count);
}

function tell(count: number): void {
  const found = document.querySelector<HTMLElement>("[data-found]");
  say(count ? `${found?.dataset.some} ${count}` : (found?.dataset.none ?? ""));
  const nothing = document.querySelector<HTMLElement>("[data-nothing]");
  if (nothing) nothing.hidden = count > 0;
}

function say(words: string): void {
  const found = document.querySelector<HTMLElement>("[data-found]");
  if (found) found.textContent = words;
}

offerCopies();
offerSearch();
