import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, RESTS, SWALLOWED } from "../src/chat/line/line";
import { afterEnd, NEW, nextWay, type Past, probeWaitMs } from "../src/chat/line/ways";

function after(...failed: ("socket" | "fallback")[]): Past {
  return failed.reduce((past, way) => afterEnd(past, way, LOST, null), NEW);
}

test("one failure may be chance; after the second the other way is tried", () => {
  assert.equal(nextWay(NEW), "socket");
  assert.equal(nextWay(after("socket")), "socket");
  assert.equal(nextWay(after("socket", "socket")), "fallback");
});

test("one that was swallowed is not waited for twice", () => {
  assert.equal(nextWay(afterEnd(NEW, "socket", SWALLOWED, null)), "fallback");
});

test("while the server itself is away both ways are tried by turns", () => {
  assert.equal(nextWay(after("socket", "socket", "fallback")), "socket");
  assert.equal(nextWay(after("socket", "socket", "fallback", "socket")), "fallback");
});

test("a fallback that worked and was lost is taken up again", () => {
  const past = afterEnd(after("socket", "socket"), "fallback", LOST, 60_000);

  assert.equal(nextWay(past), "fallback");
});

test("where no socket could be had before, the fallback comes first", () => {
  assert.equal(nextWay({ ...NEW, isBarred: true }), "fallback");
  assert.equal(nextWay({ ...NEW, isBarred: true, lastFailed: "fallback" }), "socket");
});

test("a socket that the server closed was a socket that works", () => {
  for (const code of [1001, 1012, 4401, 4408, 4429]) {
    const past = afterEnd(after("socket"), "socket", code, null);
    assert.equal(nextWay(past), "socket", String(code));
  }
});

test("sockets that live and are cut soon count as none, and are not tried again at once", () => {
  const cut = afterEnd(afterEnd(NEW, "socket", LOST, 3_000), "socket", LOST, 3_000);
  const lived = afterEnd(cut, "socket", LOST, 60_000);

  assert.equal(nextWay(cut), "fallback");
  assert.ok(probeWaitMs(cut, 0) >= 60_000);
  assert.equal(nextWay(lived), "socket");
  assert.equal(probeWaitMs(lived, 0), 0);
});

test("a tab that rests has learned nothing", () => {
  assert.deepEqual(afterEnd(NEW, "fallback", RESTS, 60_000), NEW);
});

test("the socket is tried at once beside the fallback, then ever more seldom", () => {
  const waits = [0, 1, 2, 3, 4, 5, 9].map((probes) => probeWaitMs(NEW, probes));

  assert.deepEqual(waits, [0, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
});
