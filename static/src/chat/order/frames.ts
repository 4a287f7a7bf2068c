/** The frames of order, search and sharing. Part of the closed list in `../frames.ts`. */

import type { ConversationFrame } from "../frames";

export interface Folder {
  id: string;
  name: string;
  count: number;
}

export interface FoldersReply {
  type: "folders";
  ref: number;
  folders: Folder[];
}

export interface TemporaryReply {
  type: "temporary";
  ref: number;
  conversation: ConversationFrame;
}

/** A bit of a line; `is_hit` when it is what was looked for. */
export interface Part {
  text: string;
  is_hit: boolean;
}

export interface TitleHit {
  conversation_id: string;
  is_archived: boolean;
  changed_at: string;
  parts: Part[];
}

export interface Hit {
  conversation_id: string;
  title: string;
  is_archived: boolean;
  message_id: string;
  /** The answer that holds it; null when the question itself does. */
  generation_id: string | null;
  said_at: string;
  parts: Part[];
}

export interface FoundReply {
  type: "found";
  ref: number;
  titles: TitleHit[];
  hits: Hit[];
  after: string | null;
  is_complete: boolean;
}

export interface SharingGroup {
  id: number;
  name: string;
}

export interface Share {
  id: string;
  created_at: string;
  people: { name: string; email: string }[];
  groups: SharingGroup[];
}

export interface SharesReply {
  type: "shares";
  ref: number;
  shares: Share[];
  /** Those that she may share with. */
  groups: SharingGroup[];
}

export interface Received {
  id: string;
  title: string;
  owner_name: string;
  created_at: string;
}

export interface ReceivedReply {
  type: "received";
  ref: number;
  shares: Received[];
}

export interface SharedTurn {
  question: string;
  /** What went with it was called so; only its owner has it. */
  files?: string[];
  asked_at: string;
  answer: { model_name: string; text: string; state: string; reason: string } | null;
}

export interface SharedReply {
  type: "shared";
  ref: number;
  share: Received;
  is_mine: boolean;
  turns: SharedTurn[];
}

export type OrderReply =
  | FoldersReply
  | TemporaryReply
  | FoundReply
  | SharesReply
  | ReceivedReply
  | SharedReply;

export const ORDER_REPLIES = [
  "folders",
  "temporary",
  "found",
  "shares",
  "received",
  "shared",
] as const;
