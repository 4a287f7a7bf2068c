import assert from "node:assert/strict";
import { test } from "node:test";
import { Followed } from "../src/chat/line/followed";
import { fieldsOf, nextOf } from "../src/chat/line/texts";

const follow = { type: "follow", ref: 4, generation_id: "g", attempt: 1, number: 7 };
const delta = { type: "delta", generation_id: "g", attempt: 1, last: 9, end: null };

function asked(followed: Followed): unknown[] {
  return followed.texts().map((text) => JSON.parse(text));
}

test("the next line begins where this one has come to", () => {
  const followed = new Followed();
  followed.add(follow);
  assert.deepEqual(asked(followed), [follow]);

  followed.heard(delta);
  followed.heard({ ...delta, attempt: 2, last: 3 });

  assert.deepEqual(asked(followed), [{ ...follow, attempt: 2, number: 3 }]);
});

test("what is over, refused or no longer wanted is not asked for again", () => {
  for (const last of [
    { ...delta, end: {} },
    { type: "refusal", ref: 4 },
  ]) {
    const followed = new Followed();
    followed.add(follow);
    followed.heard({ type: "refusal", ref: 5 });
    assert.equal(asked(followed).length, 1);
    followed.heard(last);
    assert.deepEqual(asked(followed), []);
  }
  const followed = new Followed();
  followed.add(follow);
  followed.drop("g");
  assert.deepEqual(asked(followed), []);
});

test("who asks for it anew says from where", () => {
  const followed = new Followed();
  followed.add(follow);
  followed.heard(delta);
  followed.add({ ...follow, ref: 8, attempt: 0, number: 0 });

  assert.deepEqual(asked(followed), [{ ...follow, ref: 8, attempt: 0, number: 0 }]);
});

test("an event is read by its fields, and a comment is none", () => {
  assert.deepEqual(fieldsOf("event: open\ndata: 55"), { name: "open", data: "55" });
  assert.deepEqual(fieldsOf('data: {"a": "b: c"}'), { name: "", data: '{"a": "b: c"}' });
  assert.deepEqual(fieldsOf(":"), { name: "", data: "" });
});

test("commands go in their order, as many together as a request may hold", () => {
  const waiting = Array.from({ length: 40 }, (_, index) => String(index));
  assert.deepEqual(nextOf(waiting).length, 32);
  assert.deepEqual(nextOf(waiting), ["32", "33", "34", "35", "36", "37", "38", "39"]);
  assert.deepEqual(nextOf(waiting), []);

  const long = ["x".repeat(250_000), "y".repeat(150_000), "z".repeat(150_000)];
  assert.deepEqual(
    [nextOf(long), nextOf(long), nextOf(long)].map((each) => each.map((text) => text[0])),
    [["x"], ["y"], ["z"]],
  );
});
