import assert from "node:assert/strict";
import { test } from "node:test";
import { isServerAway, waitMs } from "../src/chat/patience";

/** The same dice in each run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** When each of two hundred tabs is back, if nobody answers before `awayMs`. */
function returnsMs(awayMs: number, code: number): number[] {
  const chance = dice(13);
  return Array.from({ length: 200 }, () => {
    let nowMs = 0;
    for (let failures = 0; failures === 0 || nowMs < awayMs; failures += 1) {
      nowMs += waitMs(failures, code, chance);
    }
    return nowMs - awayMs;
  }).sort((one, other) => one - other);
}

for (const code of [1001, 1006, 1012]) {
  test(`after a restart two hundred tabs come back over ten seconds, not in one (C13, ${code})`, () => {
    const back = returnsMs(code === 1006 ? 3_000 : 0, code);
    const perSecond = Array.from(
      { length: 10 },
      (_, second) => back.filter((each) => Math.floor(each / 1_000) === second).length,
    );

    assert.ok((back.at(-1) ?? 0) > 8_500, "they are spread");
    assert.ok((back.at(-1) ?? 0) <= 10_000, "nobody waits longer");
    assert.ok(Math.max(...perSecond) < 60, `no second has most of them: ${perSecond}`);
  });
}

test("one lost line is back before anybody notices", () => {
  const chance = dice(7);

  for (let number = 0; number < 100; number += 1) {
    const wait = waitMs(0, 1006, chance);
    assert.ok(wait >= 200 && wait <= 400, `${wait}`);
  }
  assert.equal(waitMs(0, 4408), 0);
});

test("a server that says that it leaves, or does not answer, is away", () => {
  assert.equal(isServerAway(0, 1006), false);
  assert.equal(isServerAway(0, 1012), true);
  assert.equal(isServerAway(1, 1006), true);
});
