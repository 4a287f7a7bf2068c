/**
 * Light, dark, or as the device has it; contrast as the device has it, or more. In cookies, so that
 * the server paints the first page right.
 */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more";

const YEAR_SECONDS = 31_536_000;
const root = document.documentElement;

export const theme = signal<Theme>((root.dataset.theme as Theme) || "system");
export const contrast = signal<Contrast>((root.dataset.contrast as Contrast) || "system");

export function setTheme(wanted: Theme): void {
  theme.value = wanted;
  root.dataset.theme = wanted;
  remember("theme", wanted);
  paintFrame();
}

export function setContrast(wanted: Contrast): void {
  contrast.value = wanted;
  root.dataset.contrast = wanted;
  remember("contrast", wanted);
}

/** The frame that a phone or an installed app draws around the page. */
function paintFrame(): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const own = meta.media.includes("dark") ? "dark" : "light";
    const colour = theme.peek() === "system" ? own : theme.peek();
    meta.content = (colour === "dark" ? meta.dataset.dark : meta.dataset.light) ?? "";
  }
}

function remember(name: string, value: string): void {
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the other interface is missing on plain http
  document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
}
