import assert from "node:assert/strict";
import { test } from "node:test";
import { isChat, isFile, type Shell } from "../src/worker/shell";

const HERE = "https://portal.example";
const FILE = "/static/assets/chat-AAAAAAAA.js";
const SHELL: Shell = { files: [FILE], offline: "/offline/en/", offlineFiles: [] };

function asked(path: string, { method = "GET", mode = "navigate", origin = HERE } = {}) {
  return { method, mode, url: origin + path };
}

test("the worker keeps the files of its build and nothing else", () => {
  assert.ok(isFile(asked(FILE), SHELL, HERE));
  for (const other of [
    asked(`${FILE}?user=1`),
    asked(FILE, { method: "POST" }),
    asked(FILE, { origin: "https://evil.example" }),
    asked("/static/assets/chat-BBBBBBBB.js"),
    asked("/"),
    asked("/account/"),
    asked("/page/exchange/export/"),
    asked("/i18n/zh-hans.json"),
  ]) {
    assert.ok(!isFile(other, SHELL, HERE), other.url);
  }
});

test("the worker stands in for the chat page alone", () => {
  assert.ok(isChat(asked("/"), HERE));
  assert.ok(isChat(asked("/c/6f0e7c9a-3f4b-4c63-9d1e-0a8d6f2f0a11/"), HERE));
  for (const other of [
    asked("/", { mode: "cors" }),
    asked("/", { method: "POST" }),
    asked("/", { origin: "https://evil.example" }),
    asked("/account/"),
    asked("/accounts/logout/"),
    asked("/admin/"),
    asked("/c/6f0e7c9a-3f4b-4c63-9d1e-0a8d6f2f0a11/more"),
  ]) {
    assert.ok(!isChat(other, HERE), other.url);
  }
});
