/** Pure: which blocks of code can be looked at as what they mean. */

export type Kind = "html" | "svg" | "mermaid" | "markdown";

const BY_LANGUAGE: Record<string, Kind> = {
  html: "html",
  htm: "html",
  xhtml: "html",
  svg: "svg",
  mermaid: "mermaid",
  markdown: "markdown",
  md: "markdown",
};

export function kindOf(language: string, text: string): Kind | null {
  if (language === "xml" && /^\s*(?:<\?xml[^>]*>\s*)?<svg[\s>]/i.test(text)) {
    return "svg";
  }
  return Object.hasOwn(BY_LANGUAGE, language) ? (BY_LANGUAGE[language] ?? null) : null;
}
