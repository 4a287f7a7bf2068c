import assert from "node:assert/strict";
import { test } from "node:test";
import { Beat } from "../src/chat/rendering/beat";

test("what is quickly drawn is shown thirty times a second", () => {
  const beat = new Beat();
  assert.equal(beat.waitMs(100), 0);

  beat.shown(100);
  beat.drew({ fromMs: 100, toMs: 102 });

  assert.equal(beat.waitMs(102), 31);
  assert.equal(beat.waitMs(133), 0);
});

test("what is slow to draw leaves twice the time to everything else", () => {
  const beat = new Beat();

  beat.shown(0);
  beat.drew({ fromMs: 0, toMs: 40 });

  assert.equal(beat.waitMs(40), 80);
  assert.equal(beat.waitMs(100), 20);
});

test("however slow, the words keep coming", () => {
  const beat = new Beat();

  beat.drew({ fromMs: 0, toMs: 5_000 });

  assert.equal(beat.waitMs(5_000), 250);
});

test("while somebody types, words come behind a key that is shown", () => {
  const beat = new Beat();
  beat.shown(1_000);
  assert.equal(beat.isFree(1_040), true);

  beat.pressed(1_050);
  assert.equal(beat.isFree(1_060), false);
  beat.keyShown(1_070);
  assert.equal(beat.isFree(1_080), true);
  assert.equal(beat.isFree(1_120), false);
  beat.pressed(1_150);

  assert.equal(beat.isFree(1_160), false);
});

test("keys hold words up a moment, never for good", () => {
  const beat = new Beat();
  beat.shown(1_000);
  beat.pressed(1_240);

  assert.equal(beat.isFree(1_249), false);
  assert.equal(beat.isFree(1_250), true);
});

test("who has stopped typing holds nothing up", () => {
  const beat = new Beat();
  beat.pressed(1_000);
  beat.shown(1_400);

  assert.equal(beat.isFree(1_499), false);
  assert.equal(beat.isFree(1_500), true);
});
