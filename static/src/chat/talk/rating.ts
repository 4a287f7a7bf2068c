/** What a person thinks of an answer: shown at once, and told to the server. */

import type { Rating } from "../frames";
import type { Answer } from "../generations";
import { tried } from "../sending";
import { ask } from "../socket";
import { rateUnheard, takeRating } from "../stream";

export async function rate(answer: Answer, rating: Rating | null): Promise<void> {
  const before = answer.rating;
  const { heard } = rateUnheard(answer.id, rating);
  const reply = ask("generation.rate", {
    generation_id: answer.id,
    verdict: rating?.verdict ?? null,
    reasons: rating?.reasons ?? [],
    note: rating?.note ?? "",
  });
  reply.then(heard, () => {
    heard();
    takeRating(answer.id, before);
  });
  await tried(reply);
}
