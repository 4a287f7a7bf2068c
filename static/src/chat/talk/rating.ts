/** What a person thinks of an answer: told to the server, shown as soon as it has heard. */

import type { Rating } from "../frames";
import type { Answer } from "../generations";
import { tried } from "../sending";
import { ask } from "../socket";
import { takeRating } from "../stream";

export async function rate(answer: Answer, rating: Rating | null): Promise<void> {
  const before = answer.rating;
  takeRating(answer.id, rating);
  const reply = ask("generation.rate", {
    generation_id: answer.id,
    verdict: rating?.verdict ?? null,
    reasons: rating?.reasons ?? [],
    note: rating?.note ?? "",
  });
  reply.catch(() => takeRating(answer.id, before));
  await tried(reply);
}
