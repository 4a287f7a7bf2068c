import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace, sizeOf } from "../src/admin/pace";

const WORDS = {
  rate: "%(size)s a second",
  seconds: "%(count)s s left",
  minutes: "%(count)s min left",
  hours: "%(count)s h left",
};

function watch(): { pace: Pace; later: (ms: number) => void } {
  let now = 0;
  return {
    pace: new Pace(WORDS, () => now),
    later: (ms) => {
      now += ms;
    },
  };
}

const job = (completed: number, total = 1024 * 1024 * 1024) => ({ id: "a", completed, total });

test("a rate needs two looks, and says how long the rest takes", () => {
  const { pace, later } = watch();

  assert.equal(pace.of(job(0)), "");
  later(1_000);

  assert.equal(pace.of(job(16 * 1024 * 1024)), "16.0 MB a second · 63 s left");
});

test("what is slow is told in minutes, what is very slow in hours", () => {
  const { pace, later } = watch();
  pace.of(job(0));
  later(1_000);
  assert.equal(pace.of(job(1024 * 1024)), "1.0 MB a second · 17 min left");

  pace.forget();
  pace.of(job(0));
  later(1_000);
  assert.equal(pace.of(job(64 * 1024)), "64.0 KB a second · 4.6 h left");
});

test("only the last seconds count, and beginning anew is not going backwards", () => {
  const { pace, later } = watch();
  pace.of(job(0));
  later(10_000);
  assert.equal(pace.of(job(1024)), "");
  later(1_000);
  assert.equal(pace.of(job(0)), "");
});

test("sizes read as on the rest of the page", () => {
  assert.deepEqual([0, 1023, 1024, 5 * 1024 ** 3].map(sizeOf), [
    "0 B",
    "1023 B",
    "1.0 KB",
    "5.0 GB",
  ]);
});
