import assert from "node:assert/strict";
import { test } from "node:test";
import { type Branch, joined, type Question, withEarlier, withSent } from "../src/chat/talk/branch";

/** Question `q` behind answer `after`, answered by `q1`, `q2`…; the last one is shown. */
function question(id: string, after: string | null, answers = 1): Question {
  const answerIds = Array.from({ length: answers }, (_, index) => `${id}${index + 1}`);
  const shownAnswer = answerIds.at(-1) ?? null;
  return { id, text: id, createdAt: "", files: [], after, answerIds, shownAnswer, versions: [id] };
}

function branch(...questions: Question[]): Branch {
  return { questions, hasEarlier: false, nexts: [], running: null };
}

function ids(of: Branch | null): string[] | undefined {
  return of?.questions.map((each) => each.id);
}

const a = question("a", null);
const b = question("b", "a1");
const c = question("c", "b1");

test("what is read again joins on to what was loaded before it", () => {
  const known = { ...branch(a, b), hasEarlier: true };

  const now = joined(known, { ...branch(b, c), hasEarlier: true });

  assert.deepEqual(ids(now), ["a", "b", "c"]);
  assert.equal(now.hasEarlier, true);
});

test("another branch replaces what does not lead to it", () => {
  const other = question("x", null);

  assert.deepEqual(ids(joined(branch(a, b), branch(other))), ["x"]);
  assert.deepEqual(ids(joined(branch(a, b, c), branch(a))), ["a"]);
  assert.deepEqual(ids(joined(null, branch(a))), ["a"]);
  assert.deepEqual(ids(joined(branch(a), branch())), []);
});

test("earlier questions come before the first, if they lead to it", () => {
  const known = { ...branch(c), hasEarlier: true };

  assert.deepEqual(ids(withEarlier(known, branch(a, b))), ["a", "b", "c"]);
  assert.equal(withEarlier(known, branch(a, b)).hasEarlier, false);
  assert.equal(withEarlier(known, branch(a, question("b", "a1", 2))), known);
});

test("a question that was sent ends the branch", () => {
  assert.deepEqual(ids(withSent(branch(a, b), c)), ["a", "b", "c"]);
  assert.deepEqual(ids(withSent(branch(a, b, c), question("b", "a1", 2))), ["a", "b"]);
});

test("a question in other words takes the place of the first and what followed it", () => {
  assert.deepEqual(ids(withSent(branch(a, b, c), question("x", "a1"))), ["a", "x"]);
  assert.deepEqual(ids(withSent(branch(a, b, c), question("x", null))), ["x"]);
});

test("a question behind an answer that was not shown makes that one the shown one", () => {
  const twice = question("a", null, 2);

  const now = withSent(branch(twice), question("x", "a1"));

  assert.equal(now?.questions[0]?.shownAnswer, "a1");
});

test("what follows something that is not loaded must be read again", () => {
  assert.equal(withSent(branch(c), question("x", "a1")), null);
});
