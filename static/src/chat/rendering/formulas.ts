/**
 * Finds formulas in Markdown: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`. They stay text here; what draws
 * them is loaded later (formula.ts). Prices are no formulas.
 */

import type MarkdownIt from "markdown-it";

/** Longer ones stay text: drawing them would hold up the page (threat D6). */
export const MAX_FORMULA_CHARS = 2_000;
const MAX_BLOCK_LINES = 100;
const MAX_TRIED_ENDS = 8;
/** A line indented so far is code. */
const CODE_INDENT = 4;

export interface Formula {
  tex: string;
  /** One past its last character. */
  end: number;
  isBlock: boolean;
}

const PAIRS: readonly (readonly [string, string, boolean])[] = [
  ["$$", "$$", true],
  ["$", "$", false],
  ["\\(", "\\)", false],
  ["\\[", "\\]", true],
];

/** The formula that begins exactly here, if it is closed. */
export function formulaAt(source: string, at: number): Formula | null {
  for (const [open, close, isBlock] of PAIRS) {
    if (source.startsWith(open, at)) {
      return closedBy(close, source, at + open.length, isBlock);
    }
  }
  return null;
}

function closedBy(close: string, source: string, from: number, isBlock: boolean): Formula | null {
  let at = from;
  // No further: thousands of beginnings without an end would each be looked for to the end of the text.
  const near = source.slice(0, from + MAX_FORMULA_CHARS + close.length);
  for (let tried = 0; tried < MAX_TRIED_ENDS; tried += 1) {
    at = near.indexOf(close, at);
    if (at === -1) {
      return null;
    }
    const tex = source.slice(from, at);
    const end = at + close.length;
    if (!isEscaped(source, at) && (close !== "$" || isNoPrice(tex, source.charAt(end)))) {
      return tex.trim() === "" || tex.includes("`") ? null : { tex: tex.trim(), end, isBlock };
    }
    at = end;
  }
  return null;
}

/** "$5 and $6" and "US$5, CA$6" are money; "$x$" is not. */
function isNoPrice(tex: string, next: string): boolean {
  return !/^\s|\s$/.test(tex) && !/[\d$]/.test(next);
}

function isEscaped(source: string, at: number): boolean {
  let strokes = 0;
  while (source[at - 1 - strokes] === "\\") {
    strokes += 1;
  }
  return strokes % 2 === 1;
}

type Reader = InstanceType<typeof MarkdownIt>;

/** Teaches a reader of Markdown to see them. */
export function readFormulas(markdown: Reader): void {
  markdown.inline.ruler.before("escape", "formula", (state, silent) => {
    const found = formulaAt(state.src, state.pos);
    if (found === null || found.end > state.posMax) {
      return false;
    }
    if (!silent) {
      const token = state.push("formula", "", 0);
      token.content = found.tex;
      token.info = found.isBlock ? "block" : "";
    }
    state.pos = found.end;
    return true;
  });
  markdown.block.ruler.before(
    "fence",
    "formula_block",
    (state, startLine, endLine, silent) => {
      const lineAt = (line: number): string =>
        state.src.slice(state.bMarks[line], state.eMarks[line]).trim();
      const last = Math.min(endLine, startLine + MAX_BLOCK_LINES);
      const end = endOfBlock(lineAt, startLine, last);
      if (end === null || (state.sCount[startLine] ?? 0) - state.blkIndent >= CODE_INDENT) {
        return false;
      }
      const tex = state.getLines(startLine + 1, end, state.blkIndent, false).trim();
      if (tex === "" || tex.length > MAX_FORMULA_CHARS) {
        return false;
      }
      if (!silent) {
        const token = state.push("formula_block", "", 0);
        token.content = tex;
        token.map = [startLine, end + 1];
        state.line = end + 1;
      }
      return true;
    },
    { alt: ["paragraph", "reference", "blockquote", "list"] },
  );
  const safe = (text: string | undefined): string => markdown.utils.escapeHtml(text ?? "");
  markdown.renderer.rules.formula = (tokens, index) => {
    const kind = tokens[index]?.info === "block" ? "formula formula-block" : "formula";
    return `<span class="${kind}">${safe(tokens[index]?.content)}</span>`;
  };
  markdown.renderer.rules.formula_block = (tokens, index) =>
    `<p><span class="formula formula-block">${safe(tokens[index]?.content)}</span></p>\n`;
}

const BLOCK_ENDS: Record<string, string> = { $$: "$$", "\\[": "\\]" };

/** The line that closes a formula on lines of its own, if `start` opens one. */
function endOfBlock(lineAt: (line: number) => string, start: number, last: number): number | null {
  const first = lineAt(start);
  const close = Object.hasOwn(BLOCK_ENDS, first) ? BLOCK_ENDS[first] : undefined;
  for (let line = start + 1; close !== undefined && line < last; line += 1) {
    if (lineAt(line) === close) {
      return line;
    }
  }
  return null;
}
