/** Pure: the figures of an answer, as people read them. Nothing is told that was not measured. */

import type { Answer } from "../generations";

export interface Figures {
  promptTokens: number | null;
  cachedTokens: number | null;
  answerTokens: number | null;
  tokensASecond: number | null;
  loadSeconds: number | null;
  readSeconds: number | null;
  writeSeconds: number | null;
  waitSeconds: number | null;
  allSeconds: number | null;
}

const NS = 1e9;

export function figuresOf(answer: Answer): Figures {
  const stats = answer.stats ?? {};
  const written = stats.answer_ns;
  const count = stats.answer_tokens;
  return {
    promptTokens: stats.prompt_tokens ?? null,
    cachedTokens: stats.cached_tokens ?? null,
    answerTokens: count ?? null,
    tokensASecond: count && written ? (count * NS) / written : null,
    loadSeconds: stats.load_ns ? stats.load_ns / NS : null,
    readSeconds: stats.prompt_ns === undefined ? null : stats.prompt_ns / NS,
    writeSeconds: written === undefined ? null : written / NS,
    waitSeconds: between(answer.createdAt, answer.startedAt),
    allSeconds: between(answer.createdAt, answer.endedAt),
  };
}

function between(from: string, to: string | null): number | null {
  return to === null ? null : Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}
