import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseSync } from "vite";
import { localeFor, t } from "../src/chat/words";

const FOLDER = "static/src/";
/** What says the same in every language: keys of the keyboard, examples of what is typed. */
const SAME_EVERYWHERE: ReadonlySet<string> = new Set(["translate"]);
const SPOKEN: ReadonlySet<string> = new Set(["aria-label", "title", "placeholder", "alt", "label"]);

interface Node {
  type?: string;
  value?: unknown;
  name?: { name?: string };
}

/** Words a person would read that no translator has seen: bare text, and names written in place. */
function untranslatable(source: string): string[] {
  const found: string[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) {
      return;
    }
    const { type, value, name } = node as Node;
    if (type === "JSXText") {
      found.push(String(value));
    } else if (type === "JSXAttribute" && SPOKEN.has(name?.name ?? "")) {
      const literal = value as Node | null;
      found.push(literal?.type === "Literal" ? String(literal.value) : "");
    }
    Object.values(node).forEach(walk);
  };
  walk(parseSync("component.tsx", source).program);
  return found
    .map((words) => words.trim())
    .filter((words) => /\p{L}{2}/u.test(words) && !SAME_EVERYWHERE.has(words));
}

test("no component says a word that is not translated", () => {
  assert.deepEqual(untranslatable("<p>Hello</p>"), ["Hello"]);
  assert.deepEqual(untranslatable('<p title="Hello">{t("Hello")}</p>'), ["Hello"]);

  const found = readdirSync(FOLDER, { recursive: true, encoding: "utf-8" })
    .filter((file) => file.endsWith(".tsx"))
    .flatMap((file) =>
      untranslatable(readFileSync(FOLDER + file, "utf-8")).map((words) => `${file}: ${words}`),
    );

  assert.deepEqual(found, []);
});

test("dates are written as the device does, if it speaks the page's language", () => {
  assert.equal(localeFor("en", ["de-DE", "en-GB", "en"]), "en-GB");
  assert.equal(localeFor("zh-hans", ["zh-TW", "zh-CN"]), "zh-CN");
  assert.equal(localeFor("zh-hans", ["en-GB"]), "zh-hans");
  assert.equal(localeFor("en", ["", "not a language!", "en-NZ"]), "en-NZ");
});

test("numbers in sentences are grouped, and texts are left as they are", () => {
  assert.equal(t("%(count)s characters", { count: 12345 }), "12,345 characters");
  assert.equal(t("%(count)s characters", { count: "12345" }), "12345 characters");
});
