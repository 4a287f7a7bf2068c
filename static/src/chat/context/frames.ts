/** The frame about a model's view of a conversation. Part of the closed list in `../frames.ts`. */

export interface ContextReply {
  type: "context";
  ref: number;
  conversation_id: string;
  window_tokens: number;
  /** Read and written by the newest answer. */
  used_tokens: number;
  /** Why not all of it is in view; empty when all is. */
  because: "" | "full" | "cleared";
  /** The first message in view; null is the next one to be sent. */
  begins_with: string | null;
  hidden_messages: number;
  /** The answer behind which the person cut. */
  cleared_at: string | null;
  /** Measured in this conversation; 0 where nothing is known yet. */
  chars_a_token: number;
}

export const CONTEXT_REPLIES = ["context"] as const;
