/** Pure: conversations in groups a person remembers them by. */

import type { ConversationFrame } from "./frames";
import { locale, t } from "./words";

export interface Day {
  name: string;
  conversations: ConversationFrame[];
}

const DAY_MS = 86_400_000;

export function byDay(conversations: readonly ConversationFrame[], now: Date): Day[] {
  const days: Day[] = [];
  for (const conversation of conversations) {
    const name = nameOfDay(new Date(conversation.changed_at), now);
    const last = days.at(-1);
    if (last?.name === name) {
      last.conversations.push(conversation);
    } else {
      days.push({ name, conversations: [conversation] });
    }
  }
  return days;
}

function nameOfDay(date: Date, now: Date): string {
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const days = Math.ceil((today - date.getTime()) / DAY_MS);
  if (days <= 0) {
    return t("Today");
  }
  if (days === 1) {
    return t("Yesterday");
  }
  if (days <= 7) {
    return t("Last 7 days");
  }
  const isThisYear = date.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat(locale, {
    month: "long",
    ...(isThisYear ? {} : { year: "numeric" }),
  }).format(date);
}
