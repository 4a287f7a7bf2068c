/** Pure: which conversation stands where, and what of the list stays when its top is read again. */

import type { ConversationFrame } from "../frames";

export function isPinned(each: ConversationFrame): boolean {
  return each.is_pinned && !each.is_archived && !each.is_temporary;
}

/** In the list by days: on no shelf of its own. */
export function isRecent(each: ConversationFrame): boolean {
  return !each.is_pinned && !each.is_archived && !each.is_temporary && each.folder_id === null;
}

export function isIn(each: ConversationFrame, folderId: string): boolean {
  return each.folder_id === folderId && !each.is_archived && !each.is_temporary;
}

/** The newest page takes the place of what it covers. Older ones stay, and what stands elsewhere. */
export function withNewest(
  known: readonly ConversationFrame[],
  newest: readonly ConversationFrame[],
  more: boolean,
): ConversationFrame[] {
  const fresh = new Set(newest.map((each) => each.id));
  const oldest = newest.filter(isRecent).at(-1)?.changed_at ?? "";
  const kept = known.filter((each) => {
    if (fresh.has(each.id) || isPinned(each)) {
      return false;
    }
    return isRecent(each) ? more && each.changed_at < oldest : true;
  });
  return sorted([...newest, ...kept]);
}

/** What was read of a folder takes the place of what was known of it. */
export function withFolder(
  known: readonly ConversationFrame[],
  folderId: string,
  read: readonly ConversationFrame[],
): ConversationFrame[] {
  const fresh = new Set(read.map((each) => each.id));
  return sorted([
    ...read,
    ...known.filter((each) => !fresh.has(each.id) && (!isIn(each, folderId) || isPinned(each))),
  ]);
}

export function sorted(conversations: ConversationFrame[]): ConversationFrame[] {
  return conversations.sort((one, other) => other.changed_at.localeCompare(one.changed_at));
}
