import assert from "node:assert/strict";
import { test } from "node:test";
import { measuredSeconds, thoughtSeconds } from "../src/chat/rendering/thought";

test("thinking lasts from its first thought to the first word", () => {
  assert.equal(thoughtSeconds("a", false, 1_000), null);
  assert.equal(thoughtSeconds("a", false, 3_000), null);
  assert.equal(thoughtSeconds("a", true, 13_400), 12);
  assert.equal(thoughtSeconds("a", true, 99_000), 12);
});

test("of what this tab did not see it says nothing", () => {
  assert.equal(thoughtSeconds("b", true, 5_000), null);
});

test("a new attempt counts anew", () => {
  thoughtSeconds("c", false, 1_000);
  thoughtSeconds("c", true, 2_000);
  thoughtSeconds("c", false, 10_000);
  assert.equal(thoughtSeconds("c", true, 13_000), 3);
});

test("what was measured is known after a reload as well", () => {
  assert.equal(measuredSeconds({ thinking_ns: 12_400_000_000 }), 12);
  assert.equal(measuredSeconds({ answer_ns: 5 }), null);
  assert.equal(measuredSeconds(null), null);
});
