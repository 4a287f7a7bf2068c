/** What the page Connect does in the browser. Without it the links and the addresses still work. */

import { copy } from "../chat/copying";
import "./connect.css";
import { listen } from "./arrivals";

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => void copyFor(button));
}
for (const line of document.querySelectorAll<HTMLElement>("[data-arrivals]")) {
  listen(line);
}
for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-open]")) {
  openOnce(link);
}

async function copyFor(button: HTMLButtonElement): Promise<void> {
  const source = document.getElementById(button.dataset.copy ?? "");
  if (source !== null && (await copy(source.textContent ?? ""))) {
    button.textContent = button.dataset.copied ?? "";
  }
}

/** The press was for this: ChatBox opens by itself, but not again when the page is come back to. */
function openOnce(link: HTMLAnchorElement): void {
  const key = `opened.${link.dataset.open}`;
  if (sessionStorage.getItem(key) === null) {
    sessionStorage.setItem(key, "yes");
    window.location.assign(link.href);
  }
}
