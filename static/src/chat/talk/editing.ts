/** Questions that are being written anew: kept on this device until they are sent or given up. */

import { signal } from "@preact/signals";
import * as memory from "../memory";
import { personId } from "../page";

export interface Editing {
  messageId: string;
  text: string;
  /** Ids of files that are not to come along. */
  without: string[];
}

/** The one whose box is open. Others that were begun wait in the memory for theirs. */
export const editing = signal<Editing | null>(opened());

export function beginEditing(messageId: string, text: string): void {
  edit(messageId, memory.read(nameOf(messageId)) || text, []);
}

export function edit(messageId: string, text: string, without?: string[]): void {
  editing.value = { messageId, text, without: without ?? editing.peek()?.without ?? [] };
  memory.write(nameOf("open"), messageId);
  memory.write(nameOf(messageId), text);
}

export function stopEditing(): void {
  const messageId = editing.peek()?.messageId;
  editing.value = null;
  memory.write(nameOf("open"), "");
  if (messageId !== undefined) {
    memory.write(nameOf(messageId), "");
  }
}

function opened(): Editing | null {
  const messageId = memory.read(nameOf("open"));
  const text = messageId === null ? null : memory.read(nameOf(messageId));
  return messageId === null || text === null ? null : { messageId, text, without: [] };
}

function nameOf(messageId: string): string {
  return `edit.${personId}.${messageId}`;
}
