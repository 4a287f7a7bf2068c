import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { byDay } from "../src/chat/days";
import { t, tn, useCatalogue } from "../src/chat/words";

test("words are translated, filled in and counted", () => {
  useCatalogue({
    catalog: { "Hello %(name)s": "您好 %(name)s", "%(count)s day": ["%(count)s 天"], Empty: "" },
  });

  assert.equal(t("Hello %(name)s", { name: "Ana" }), "您好 Ana");
  assert.equal(tn("%(count)s day", "%(count)s days", 3), "3 天");
  assert.equal(t("Empty"), "Empty");
  assert.equal(t("Not there %(what)s"), "Not there %(what)s");
  useCatalogue({ catalog: {} });
  assert.equal(tn("%(count)s day", "%(count)s days", 1), "1 day");
  assert.equal(tn("%(count)s day", "%(count)s days", 2), "2 days");
});

test("a broken catalogue leaves English", () => {
  for (const body of [null, "x", {}, { catalog: null }]) {
    useCatalogue(body);
  }
  assert.equal(t("Send"), "Send");
});

test("every word of the page is there in Chinese", () => {
  const catalogue = readFileSync("locale/zh_Hans/LC_MESSAGES/djangojs.po", "utf-8");
  const joined = catalogue.replace(/"\n"/g, "");
  const folder = "static/src/chat/";
  const missing = readdirSync(folder)
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) =>
      [...readFileSync(folder + name, "utf-8").matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)].map(
        (found) => found[1] ?? "",
      ),
    )
    .filter((words) => {
      const at = joined.indexOf(`msgid "${words}"\nmsgstr "`);
      return at === -1 || joined.startsWith('""', at + `msgid "${words}"\nmsgstr `.length);
    });

  assert.deepEqual(missing, []);
});

test("conversations are grouped by the days of the reader", () => {
  const now = new Date(2026, 10, 22, 9, 0);
  const at = (day: number, month = 10): string => new Date(2026, month, day, 8, 0).toISOString();
  const conversation = (changed_at: string) => ({
    id: changed_at,
    title: "",
    model_name: "",
    created_at: changed_at,
    changed_at,
    running: false,
    is_pinned: false,
    is_archived: false,
    is_temporary: false,
    folder_id: null,
  });

  const days = byDay([at(22), at(21), at(20), at(16), at(3, 9)].map(conversation), now);

  assert.deepEqual(
    days.map((day) => [day.name, day.conversations.length]),
    [
      ["Today", 1],
      ["Yesterday", 1],
      ["Last 7 days", 2],
      ["October", 1],
    ],
  );
});
