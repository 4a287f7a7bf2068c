/** On a narrow screen the list is a drawer; on a wide one it is always there. */

import { signal } from "@preact/signals";

const narrow = window.matchMedia("(max-width: 52rem)");

export const isNarrow = signal(narrow.matches);
export const isDrawerOpen = signal(false);

narrow.addEventListener("change", () => {
  isNarrow.value = narrow.matches;
});

export function openDrawer(): void {
  isDrawerOpen.value = true;
}

export function closeDrawer(): void {
  isDrawerOpen.value = false;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isDrawerOpen.peek()) {
    closeDrawer();
  }
});
