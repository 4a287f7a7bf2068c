/** The WebSocket vocabulary as the page knows it. A closed list: what is not on it is dropped (D8). */

import { CONTEXT_REPLIES, type ContextReply } from "./context/frames";
import { FILE_PUSHES, type FileChanged, type FileFrame } from "./files/frames";
import { ORDER_REPLIES, type OrderReply } from "./order/frames";
import { SETTINGS_REPLIES, type SettingsFrames } from "./settings/frames";

export type PageState =
  | "queued"
  | "loading"
  | "reading"
  | "writing"
  | "done"
  | "stopped"
  | "failed"
  | "interrupted";

export interface Person {
  id: string;
  name: string;
  email: string;
  is_admin: boolean;
  language: string;
}

export interface Model {
  name: string;
  label: string;
  context_length: number;
  capabilities: string[];
  /** For a stable name: the model behind it now. */
  stands_for: string;
  /** New, and not tried yet: shown, and not to be chosen. */
  is_checking: boolean;
  /** Offered no longer; `instead` names its successor, if there is one. */
  is_retired: boolean;
  instead: string;
}

export interface ConversationFrame {
  id: string;
  title: string;
  model_name: string;
  created_at: string;
  changed_at: string;
  running: boolean;
  is_pinned: boolean;
  is_archived: boolean;
  /** In no list and no search; gone when it is left. */
  is_temporary: boolean;
  folder_id: string | null;
}

export interface Stats {
  prompt_tokens?: number;
  cached_tokens?: number;
  answer_tokens?: number;
  load_ns?: number;
  prompt_ns?: number;
  answer_ns?: number;
  read_messages?: number;
  /** Of the documents that were read, and how much of them found no room. */
  document_chars?: number;
  cut_chars?: number;
  thinking_ns?: number;
}

export interface GenerationFrame {
  id: string;
  message_id: string;
  model_name: string;
  state: PageState;
  reason: string;
  text: string;
  thinking: string;
  attempt: number;
  number: number;
  stats: Stats | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  rating: Rating | null;
}

export type Verdict = "good" | "bad";

export interface Rating {
  verdict: Verdict;
  reasons: string[];
  note: string;
}

export interface MessageFrame {
  id: string;
  text: string;
  created_at: string;
  after: string | null;
  answers: GenerationFrame[];
  files: FileFrame[];
  /** The answer that the conversation goes on from. */
  shown: string | null;
  /** All questions that were asked in this place, oldest first. */
  versions: string[];
}

/** A question that waits for the answer before it; with a `reason` it waits for the person. */
export interface NextFrame {
  id: string;
  text: string;
  model_name: string;
  created_at: string;
  files: FileFrame[];
  reason: string;
}

export interface EndFrame {
  state: "done" | "stopped" | "failed" | "interrupted";
  reason: string;
  stats: Stats | null;
}

export interface Delta {
  type: "delta";
  generation_id: string;
  attempt: number;
  first: number;
  last: number;
  text: string;
  thinking: string;
  state: "reading" | "writing" | null;
  read: number | null;
  end: EndFrame | null;
}

export interface Status {
  type: "status";
  generation_id: string;
  state: "queued" | "loading";
  position: number | null;
  progress: number | null;
  /** About how long it still waits; null where nobody can say. */
  seconds: number | null;
}

export interface Welcome {
  type: "welcome";
  ref: number;
  person: Person;
  models: Model[];
  conversations: ConversationFrame[];
  more: boolean;
  limits: { max_text_chars: number; max_file_bytes: number; max_files: number };
}

export interface ConversationReply {
  type: "conversation";
  ref: number;
  conversation: ConversationFrame;
  messages: MessageFrame[];
  /** Older questions led to the first of these. */
  more: boolean;
  nexts: NextFrame[];
  /** The answer that is being made, on whatever branch. */
  running: string | null;
}

export interface Sent {
  type: "sent";
  ref: number;
  conversation: ConversationFrame;
  message: MessageFrame;
}

export interface Waits {
  type: "waits";
  ref: number;
  conversation: ConversationFrame;
  nexts: NextFrame[];
}

export interface ConversationsReply {
  type: "conversations";
  ref: number;
  conversations: ConversationFrame[];
  more: boolean;
}

export interface Refusal {
  type: "refusal";
  ref: number | null;
  code: string;
  message: string;
  retry_after_seconds: number | null;
}

export interface Plain {
  type: "ok" | "pong";
  ref: number;
}

export interface Changed {
  type: "changed";
  conversation_id: string;
}

export interface ModelsChanged {
  type: "models";
  models: Model[];
}

export type Reply =
  | Welcome
  | ConversationReply
  | Sent
  | Waits
  | ConversationsReply
  | Plain
  | SettingsFrames
  | ContextReply
  | OrderReply;
export type Push = Delta | Status | Changed | ModelsChanged | FileChanged;
export type Frame = Reply | Push | Refusal;

const REPLIES = new Set<string>([
  ...["welcome", "conversation", "sent", "waits", "conversations", "ok", "pong"],
  ...SETTINGS_REPLIES,
  ...CONTEXT_REPLIES,
  ...ORDER_REPLIES,
]);
const PUSHES = new Set<string>(["delta", "status", "changed", "models", ...FILE_PUSHES]);

export function isReply(frame: Frame): frame is Reply {
  return REPLIES.has(frame.type);
}

/** The frame in this text, or null when it is none of ours. Never throws, never runs anything. */
export function parse(data: unknown): Frame | null {
  if (typeof data !== "string") {
    return null;
  }
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof frame !== "object" || frame === null || !("type" in frame)) {
    return null;
  }
  const type = frame.type;
  if (typeof type !== "string") {
    return null;
  }
  if (type === "refusal" || REPLIES.has(type)) {
    return "ref" in frame ? (frame as Frame) : null;
  }
  return PUSHES.has(type) ? (frame as Frame) : null;
}
