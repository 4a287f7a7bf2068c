import assert from "node:assert/strict";
import { test } from "node:test";
import type { GenerationFrame, Stats } from "../src/chat/frames";
import { fromFrame } from "../src/chat/generations";
import { figuresOf } from "../src/chat/talk/statistics";

function answered(stats: Stats | null, startedAt: string | null = null) {
  const frame: GenerationFrame = {
    ...{ id: "g", message_id: "m", model_name: "smollm2:135m", state: "done", reason: "" },
    ...{ text: "Yes.", thinking: "", attempt: 1, number: 3, stats, rating: null },
    created_at: "2026-01-01T00:00:00Z",
    started_at: startedAt,
    ended_at: "2026-01-01T00:00:05Z",
  };
  return fromFrame(frame);
}

test("the rate is what was written in the time of writing", () => {
  const figures = figuresOf(answered({ answer_tokens: 100, answer_ns: 4e9, prompt_tokens: 7 }));

  assert.equal(figures.tokensASecond, 25);
  assert.equal(figures.writeSeconds, 4);
  assert.equal(figures.promptTokens, 7);
});

test("what was not measured is not told", () => {
  const figures = figuresOf(answered(null));

  assert.equal(figures.tokensASecond, null);
  assert.equal(figures.answerTokens, null);
  assert.equal(figures.waitSeconds, null);
  assert.equal(figures.allSeconds, 5);
});

test("nothing written in no time has no rate", () => {
  assert.equal(figuresOf(answered({ answer_tokens: 0, answer_ns: 0 })).tokensASecond, null);
});

test("waiting is the time until it was begun", () => {
  assert.equal(figuresOf(answered(null, "2026-01-01T00:00:02Z")).waitSeconds, 2);
});
