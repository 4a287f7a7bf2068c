/** Pure: how full the window of a model is, and what the next question would do to it. */

/** Where nothing has been measured: letters of most scripts, and those that are words by themselves. */
const CHARS_A_TOKEN = 4;
const WORDS_A_TOKEN = 0.8;
const WIDE = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|[\ud840-\ud87f][\udc00-\udfff]/g;
/** The marks around one more turn. */
const TURN_TOKENS = 8;

export interface Fill {
  window: number;
  used: number;
  draft: number;
  /** What goes with the draft. */
  files: number;
  /** Of the window, with the draft; never above 1. */
  share: number;
  /** "over": something will not fit. "alone": not even the draft by itself does. */
  level: "calm" | "near" | "over" | "alone";
}

export function tokensOf(text: string, charsAToken: number): number {
  if (text.trim() === "") {
    return 0;
  }
  if (charsAToken > 0) {
    return Math.ceil(text.length / charsAToken) + TURN_TOKENS;
  }
  const wide = text.match(WIDE)?.length ?? 0;
  return Math.ceil(wide * WORDS_A_TOKEN + (text.length - wide) / CHARS_A_TOKEN) + TURN_TOKENS;
}

/** `near` begins where little room is left for an answer. */
export function fillOf(window: number, used: number, draft: number, files = 0): Fill {
  const question = draft + files;
  const together = used + question;
  const share = window === 0 ? 0 : Math.min(1, together / window);
  let level: Fill["level"] = share > 0.8 ? "near" : "calm";
  if (together >= window) {
    level = question >= window ? "alone" : "over";
  }
  return { window, used, draft, files, share, level: window === 0 ? "calm" : level };
}
