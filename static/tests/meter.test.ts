import assert from "node:assert/strict";
import { test } from "node:test";
import { fillOf, tokensOf } from "../src/chat/context/meter";

test("nothing typed takes nothing", () => {
  assert.equal(tokensOf("  \n", 4), 0);
});

test("a text takes what was measured in this conversation", () => {
  assert.equal(tokensOf("x".repeat(300), 3), 100 + 8);
});

test("where nothing was measured, a Chinese letter weighs more than a Latin one", () => {
  assert.ok(tokensOf("知识就是力量知识就是力量", 0) > tokensOf("knowledge is", 0) + 5);
});

test("it is calm, then near, then over; and alone when the draft itself is too long", () => {
  assert.equal(fillOf(4096, 1000, 100).level, "calm");
  assert.equal(fillOf(4096, 3500, 100).level, "near");
  assert.equal(fillOf(4096, 4000, 100).level, "over");
  assert.equal(fillOf(4096, 0, 5000).level, "alone");
});

test("a model whose window is not known warns of nothing", () => {
  assert.deepEqual(fillOf(0, 10, 10), {
    window: 0,
    used: 10,
    draft: 10,
    files: 0,
    share: 0,
    level: "calm",
  });
});

test("the ring is never more than full", () => {
  assert.equal(fillOf(100, 90, 900).share, 1);
});

test("files weigh as much as text, and may be too much by themselves", () => {
  assert.equal(fillOf(4096, 1000, 100, 2500).level, "near");
  assert.equal(fillOf(4096, 1000, 100, 3500).level, "over");
  assert.equal(fillOf(4096, 0, 100, 4096).level, "alone");
});
