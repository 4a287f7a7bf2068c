/** Light, dark, or as the device has it. In a cookie, so that the server paints the first page right. */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const YEAR_SECONDS = 31_536_000;

export const theme = signal<Theme>((document.documentElement.dataset.theme as Theme) || "system");

export function setTheme(wanted: Theme): void {
  theme.value = wanted;
  document.documentElement.dataset.theme = wanted;
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the other interface is missing on plain http
  document.cookie = `theme=${wanted}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
}
