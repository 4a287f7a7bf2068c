/** Folders, pins and the archive: what they hold, and putting things there. */

import { computed, signal } from "@preact/signals";
import { conversations, refreshList } from "../conversations";
import type { ConversationFrame, ConversationsReply } from "../frames";
import * as memory from "../memory";
import { refusal } from "../sending";
import { sentenceOf } from "../sentences";
import { ask, Refused } from "../socket";
import { shownId, startNew } from "../talk/shown";
import type { Folder, FoldersReply, Received, ReceivedReply } from "./frames";
import { isPinned, isRecent, withFolder } from "./standing";

export const folders = signal<Folder[]>([]);
export const received = signal<Received[]>([]);
export const openFolders = signal<ReadonlySet<string>>(new Set(remembered()));
/** Folders of which there is more than was read. */
export const longFolders = signal<ReadonlySet<string>>(new Set());

export const pinned = computed(() => conversations.value.filter(isPinned));
export const recent = computed(() => conversations.value.filter(isRecent));

/** All of it again: something has changed somewhere. */
export async function refreshShelves(): Promise<void> {
  const [named, shared] = await Promise.all([ask("folders.list"), ask("shares.received")]);
  takeFolders(named as FoldersReply);
  received.value = (shared as ReceivedReply).shares;
  await Promise.all(folders.peek().filter(isOpen).map(readFolder));
}

export function isOpen(folder: Folder): boolean {
  return openFolders.value.has(folder.id);
}

export function toggleFolder(folder: Folder): void {
  const next = new Set(openFolders.peek());
  if (!next.delete(folder.id)) {
    next.add(folder.id);
    void tried(readFolder(folder));
  }
  openFolders.value = next;
  memory.write("folders", [...next].join(" "));
}

async function readFolder(folder: Folder): Promise<void> {
  const reply = await readShelf("folder", folder.id, null);
  conversations.value = withFolder(conversations.peek(), folder.id, reply.conversations);
  noteLong(folder.id, reply.more);
}

/** What comes below the last one that is shown of this folder. */
export async function readMoreOf(folder: Folder, last: ConversationFrame): Promise<void> {
  const reply = await readShelf("folder", folder.id, last.changed_at);
  const known = new Set(conversations.peek().map((each) => each.id));
  const older = reply.conversations.filter((each) => !known.has(each.id));
  conversations.value = [...conversations.peek(), ...older];
  noteLong(folder.id, reply.more);
}

export async function readShelf(
  shelf: "folder" | "archive",
  folderId: string | null,
  before: string | null,
): Promise<ConversationsReply> {
  const fields = { shelf, folder_id: folderId, before };
  return (await ask("shelf.list", fields)) as ConversationsReply;
}

export async function createFolder(name: string): Promise<Folder | null> {
  takeFolders((await ask("folder.create", { name })) as FoldersReply);
  const plain = name.split(/\s+/).filter(Boolean).join(" ");
  return folders.peek().find((each) => each.name === plain) ?? null;
}

export async function renameFolder(folder: Folder, name: string): Promise<void> {
  takeFolders((await ask("folder.rename", { folder_id: folder.id, name })) as FoldersReply);
}

export async function deleteFolder(folder: Folder): Promise<void> {
  takeFolders((await ask("folder.delete", { folder_id: folder.id })) as FoldersReply);
  change(idsIn(folder.id), { folder_id: null });
  await refreshList();
}

export async function pin(ids: string[], isPinnedNow: boolean): Promise<void> {
  await ask("conversations.pin", { conversation_ids: ids, is_pinned: isPinnedNow });
  change(ids, isPinnedNow ? { is_pinned: true, is_archived: false } : { is_pinned: false });
}

export async function archive(ids: string[], isArchived: boolean): Promise<void> {
  await ask("conversations.archive", { conversation_ids: ids, is_archived: isArchived });
  change(ids, isArchived ? { is_archived: true, is_pinned: false } : { is_archived: false });
}

export async function move(ids: string[], folderId: string | null): Promise<void> {
  const fields = { conversation_ids: ids, folder_id: folderId };
  takeFolders((await ask("conversations.move", fields)) as FoldersReply);
  change(ids, { folder_id: folderId });
}

export async function removeAll(ids: string[]): Promise<void> {
  try {
    await ask("conversations.delete", { conversation_ids: ids });
  } catch (error) {
    // One of them went in another tab: look again, and let her choose anew.
    if (error instanceof Refused && error.refusal.code === "not-found") {
      await refreshList();
    }
    throw error;
  }
  const gone = new Set(ids);
  conversations.value = conversations.peek().filter((each) => !gone.has(each.id));
  if (gone.has(shownId.peek() ?? "")) {
    startNew();
  }
}

/** Does it, and says in a sentence why it did not work. True when it did. */
export async function tried(act: Promise<unknown>): Promise<boolean> {
  refusal.value = "";
  try {
    await act;
    return true;
  } catch (error) {
    refusal.value = sentenceOf(error);
    return false;
  }
}

function takeFolders(reply: FoldersReply): void {
  folders.value = reply.folders;
}

function change(ids: string[], fields: Partial<ConversationFrame>): void {
  const changed = new Set(ids);
  conversations.value = conversations
    .peek()
    .map((each) => (changed.has(each.id) ? { ...each, ...fields } : each));
}

function idsIn(folderId: string): string[] {
  const inside = conversations.peek().filter((each) => each.folder_id === folderId);
  return inside.map((each) => each.id);
}

function noteLong(folderId: string, isLong: boolean): void {
  const next = new Set(longFolders.peek());
  next.delete(folderId);
  longFolders.value = isLong ? next.add(folderId) : next;
}

function remembered(): string[] {
  return (memory.read("folders") ?? "").split(" ").filter(Boolean);
}
