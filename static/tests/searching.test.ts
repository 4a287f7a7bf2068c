import assert from "node:assert/strict";
import { test } from "node:test";
import { matches } from "../src/docs/searching";

test("a search finds what has all its words, in any order and case", () => {
  assert.ok(matches("post /v1/rerank put texts in order top_n", "TOP_N rerank"));
  assert.ok(!matches("post /v1/rerank put texts in order", "rerank vectors"));
});

test("a search for nothing finds everything", () => {
  assert.ok(matches("anything", ""));
  assert.ok(matches("anything", "   "));
});
