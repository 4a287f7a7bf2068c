/** What the server wrote into the page for us. */

export const csrfToken = content("csrf-token");
/** Known before the socket is: what she types at once belongs to her draft already. */
export const personId = content("person");
export const languageUrl = content("language-url") || "/i18n/setlang/";

function content(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}
