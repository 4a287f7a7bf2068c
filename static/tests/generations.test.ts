import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delta, GenerationFrame, Status } from "../src/chat/frames";
import { parse } from "../src/chat/frames";
import { type Answer, apply, applyStatus, fromFrame, merge } from "../src/chat/generations";

const stored: GenerationFrame = {
  id: "g",
  message_id: "m",
  model_name: "smollm2:135m",
  state: "queued",
  reason: "",
  text: "",
  thinking: "",
  attempt: 1,
  number: 0,
  stats: null,
  created_at: "2026-01-01T00:00:00Z",
  started_at: null,
  ended_at: null,
  rating: null,
};
const queued = fromFrame(stored);

function delta(fields: Partial<Delta>): Delta {
  const nothing = { text: "", thinking: "", state: null, read: null, end: null };
  return {
    type: "delta",
    generation_id: "g",
    attempt: 1,
    first: 1,
    last: 1,
    ...nothing,
    ...fields,
  };
}

function after(answer: Answer, ...deltas: Partial<Delta>[]): Answer {
  return deltas.reduce((known, each) => apply(known, delta(each))[0], answer);
}

const done = { state: "done", reason: "", stats: null } as const;

test("pieces join on in order", () => {
  const answer = after(
    queued,
    { state: "reading" },
    { first: 2, last: 3, text: "Hel", state: "writing" },
    { first: 4, last: 4, text: "lo", state: "writing" },
    { first: 5, last: 5, end: done },
  );

  assert.equal(answer.text, "Hello");
  assert.equal(answer.state, "done");
});

test("what is known already changes nothing", () => {
  const known = after(queued, { first: 1, last: 3, text: "Hello", state: "writing" });

  const [answer, outcome] = apply(known, delta({ first: 2, last: 3, text: "llo" }));

  assert.equal(outcome, "ignored");
  assert.equal(answer, known);
});

test("a hole is a gap, and so is a step that is half known", () => {
  const known = after(queued, { first: 1, last: 3, text: "Hello" });

  assert.equal(apply(known, delta({ first: 5, last: 5, text: "!" }))[1], "gap");
  assert.equal(apply(known, delta({ first: 3, last: 5, text: "o!" }))[1], "gap");
});

test("a newer attempt begins from nothing, an older one is not heard", () => {
  const first = after(queued, { first: 1, last: 3, text: "Hel", thinking: "hm" });

  const second = after(first, { attempt: 2, first: 0, last: 0 });
  assert.deepEqual([second.text, second.thinking, second.state], ["", "", "queued"]);

  const third = after(second, { attempt: 2, first: 1, last: 2, text: "Ho", state: "writing" });
  assert.equal(third.text, "Ho");
  assert.equal(apply(third, delta({ first: 4, last: 4, text: "lo" }))[1], "ignored");
});

test("an answer ends once", () => {
  const over = after(queued, { first: 1, last: 2, text: "A", end: done });

  const [answer, outcome] = apply(over, delta({ first: 3, last: 3, text: "B" }));

  assert.equal(outcome, "ignored");
  assert.equal(answer.text, "A");
});

test("an end told again from the row closes what is known", () => {
  const known = after(queued, { first: 1, last: 3, text: "Hello", state: "writing" });

  const answer = after(known, { first: 3, last: 3, end: { ...done, state: "stopped" } });

  assert.deepEqual([answer.text, answer.state], ["Hello", "stopped"]);
});

test("reading again never takes words back", () => {
  const known = after(queued, { first: 1, last: 9, text: "Hello there", state: "writing" });

  const older = merge(known, { ...stored, state: "writing", text: "Hello", number: 4 });
  assert.equal(older.text, "Hello there");

  const newer = merge(known, { ...stored, state: "writing", text: "Hello there, Ana", number: 12 });
  assert.equal(newer.text, "Hello there, Ana");

  const over = merge(known, { ...stored, state: "done", text: "Hello there, Ana!", number: 14 });
  assert.deepEqual([over.state, over.text], ["done", "Hello there, Ana!"]);
  assert.equal(merge(over, { ...stored, state: "writing", text: "Hello", number: 4 }), over);
});

test("random drops, repeats and reconnections show what is stored", () => {
  const pieces = Array.from({ length: 60 }, (_, index) => `${index} `);
  const whole = pieces.join("");
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = dice(seed);
    let answer: Answer = queued;
    for (let steps = 0; steps < 2_000 && answer.state !== "done"; steps += 1) {
      const first = 1 + Math.floor(random() * 61);
      const last = Math.min(61, first + Math.floor(random() * 4));
      const [next, outcome] = apply(
        answer,
        delta({
          first,
          last,
          text: pieces.slice(first - 1, last).join(""),
          end: last === 61 ? done : null,
        }),
      );
      answer = next;
      if (outcome === "gap" && random() < 0.3) {
        // Reading again gives any whole number of events that the recorder has reached.
        const number = Math.floor(random() * 60);
        const text = pieces.slice(0, number).join("");
        answer = merge(answer, { ...stored, state: "writing", number, text });
      }
    }
    assert.equal(whole.startsWith(answer.text), true, `seed ${seed}`);
    if (answer.state === "done") {
      assert.equal(answer.text, whole, `seed ${seed}`);
    }
  }
});

test("a place in the queue is shown while it waits, and never afterwards", () => {
  const status: Status = {
    type: "status",
    generation_id: "g",
    state: "queued",
    position: 3,
    progress: null,
    seconds: 40,
  };
  assert.equal(applyStatus(queued, status).position, 3);
  assert.equal(applyStatus(queued, status).waitSeconds, 40);
  assert.equal(after(queued, { text: "Hi", state: "writing" }).waitSeconds, null);

  const writing = after(queued, { text: "Hi", state: "writing" });
  assert.equal(applyStatus(writing, status), writing);
});

test("only frames of the list are taken (threat D8)", () => {
  const frames = [
    '{"type":"run","code":"alert(1)"}',
    '{"type":"__proto__"}',
    '{"type":["delta"]}',
    '{"type":"ok"}',
    "[]",
    "null",
    "alert(1)",
    new ArrayBuffer(4),
  ];

  assert.deepEqual(
    frames.map(parse),
    frames.map(() => null),
  );
  assert.notEqual(parse('{"type":"pong","ref":1}'), null);
});

function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
