/** Words in the person's language. The catalogue is the server's own; without it we speak English. */

type Catalogue = Record<string, string | string[]>;
type Values = Record<string, string | number>;

let catalogue: Catalogue = {};

export const language =
  typeof document === "undefined" ? "en" : document.documentElement.lang || "en";

/** How dates and numbers are written: as the device does, where that is in the language spoken here. */
export const locale = localeFor(
  language,
  typeof navigator === "undefined" ? [] : (navigator.languages ?? []),
);

/** British dates for who reads English and has a British browser; never English words in a Chinese page. */
export function localeFor(spoken: string, preferred: readonly string[]): string {
  const wanted = new Intl.Locale(spoken).maximize();
  for (const each of preferred) {
    try {
      const found = new Intl.Locale(each).maximize();
      if (found.language === wanted.language && found.script === wanted.script) {
        return each;
      }
    } catch {
      // Not a language tag: a browser may send anything.
    }
  }
  return spoken;
}

const numbers = new Intl.NumberFormat(locale);

export async function loadWords(): Promise<void> {
  // Nothing to fetch for the language we are written in.
  if (language === "en" || language.startsWith("en-")) {
    return;
  }
  try {
    const reply = await fetch(`/i18n/${language}.json`, { credentials: "same-origin" });
    if (reply.ok) {
      const body: unknown = await reply.json();
      useCatalogue(body);
    }
  } catch {
    // English is better than no page.
  }
}

/** Takes `{catalog: {…}}`, as Django writes it. Anything else is left alone. */
export function useCatalogue(body: unknown): void {
  if (typeof body === "object" && body !== null && "catalog" in body) {
    const found = body.catalog;
    if (typeof found === "object" && found !== null) {
      catalogue = found as Catalogue;
    }
  }
}

export function t(words: string, values: Values = {}): string {
  const found = catalogue[words];
  return filled((typeof found === "string" ? found : found?.[0]) || words, values);
}

/** The right plural for `count`, which is also there as `%(count)s`. */
export function tn(one: string, many: string, count: number): string {
  const found = catalogue[one];
  const forms = Array.isArray(found) ? found : typeof found === "string" ? [found] : [one, many];
  const form = forms.length === 1 || count === 1 ? forms[0] : forms[1];
  return filled(form || (count === 1 ? one : many), { count });
}

function filled(words: string, values: Values): string {
  return words.replace(/%\((\w+)\)s/g, (whole, name: string) =>
    name in values ? shown(values[name]) : whole,
  );
}

function shown(value: string | number | undefined): string {
  return typeof value === "number" ? numbers.format(value) : String(value);
}
