/** From a hit of a search to the place where it stands. */

import * as address from "../address";
import { open, openAt, showAnswer, shown, wanted } from "../talk/shown";

interface Place {
  conversation_id: string;
  message_id: string;
  generation_id: string | null;
}

/** The question is shown, and the very answer that holds the words. */
export async function jumpTo(place: Place): Promise<void> {
  await openAt(place.conversation_id, place.message_id);
  if (place.generation_id !== null && !isShown(place.generation_id)) {
    await showAnswer(place.generation_id);
    wanted.value = place.message_id;
  }
}

export function openWhole(conversationId: string): void {
  if (address.conversationId() !== conversationId) {
    open(conversationId);
  }
}

function isShown(generationId: string): boolean {
  const now = shown.peek();
  return now.is === "open" && now.questions.some((each) => each.shownAnswer === generationId);
}
