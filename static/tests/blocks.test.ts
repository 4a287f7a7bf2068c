import assert from "node:assert/strict";
import { test } from "node:test";
import MarkdownIt from "markdown-it";
import { endOfSentences } from "../src/chat/announce";
import { finishedChars, MAX_BLOCK_CHARS, nextChars, offsetOfLine } from "../src/chat/blocks";
import type { Block } from "../src/chat/markdown";

const markdown = new MarkdownIt({ html: false });

// markdown.ts itself needs a page; this is the same reading of top-level blocks.
function blocksOf(source: string): Block[] {
  return markdown
    .parse(source, {})
    .filter((token) => token.level === 0 && token.nesting >= 0 && token.map !== null)
    .map((token) => ({ from: token.map?.[0] ?? 0, to: token.map?.[1] ?? 0, isFence: false }));
}

const SOURCE = `# Title
A paragraph
that goes on.

- one
- two

  still two
#tag is no title
***bold*** is no line
\`\`\`python
print("x")

# not a title
\`\`\`
| a | b |
|---|---|
| 1 | 2 |

> said
> more

1. first
2. second
`;

test("cutting at finished blocks gives the same page as reading it whole, wherever it was cut", () => {
  const whole = markdown.render(SOURCE);
  for (let step = 1; step <= 7; step += 1) {
    let finished = 0;
    let shown = "";
    for (let length = 1; length <= SOURCE.length; length += step) {
      const tail = SOURCE.slice(finished, length);
      const count = finishedChars(tail, blocksOf);
      shown += markdown.render(tail.slice(0, count));
      finished += count;
    }
    assert.equal(shown + markdown.render(SOURCE.slice(finished)), whole, `steps of ${step}`);
  }
});

test("a line that still grows finishes nothing", () => {
  assert.equal(finishedChars("a paragraph\n#", blocksOf), 0);
  assert.equal(finishedChars("a paragraph", blocksOf), 0);
  assert.equal(finishedChars("a paragraph\n\nanother\n", blocksOf), "a paragraph\n\n".length);
});

test("lines are found by number", () => {
  assert.equal(offsetOfLine("a\nbc\nd", 0), 0);
  assert.equal(offsetOfLine("a\nbc\nd", 2), 5);
  assert.equal(offsetOfLine("a\nbc", 9), 4);
});

test("a screen reader hears whole sentences", () => {
  assert.equal(endOfSentences("Hello there. How a", 0), "Hello there. ".length);
  assert.equal(endOfSentences("你好。今天", 0), 3);
  assert.equal(endOfSentences("No end yet", 0), 0);
  assert.equal(endOfSentences("Version 3.5 is", 0), 0);
});

/** The pieces that a text is drawn in, and how much of it was never finished. */
function piecesOf(text: string, isOver: boolean): { pieces: string[]; left: string } {
  const pieces: string[] = [];
  let left = text;
  for (let count = 1; left !== "" && count > 0; ) {
    count = nextChars(left, isOver, blocksOf);
    pieces.push(left.slice(0, count));
    left = left.slice(count);
  }
  return { pieces: pieces.filter(Boolean), left };
}

const LONG: Record<string, string> = {
  paragraphs: "Some words of it.\n\n".repeat(20_000),
  "one paragraph of many lines": "Some words of it\n".repeat(20_000),
  "one line": "word ".repeat(60_000),
  "one line of wide characters": "\u{1f469}".repeat(60_000),
  "a list": "- one of them\n".repeat(20_000),
  "a table": `| a | b |\n|---|---|\n${"| 1 | 2 |\n".repeat(20_000)}`,
  "marks that open and never close": "[*`$".repeat(60_000),
};

test("however long a text, no piece of it is longer than can be drawn at once", () => {
  for (const [what, text] of Object.entries(LONG)) {
    const { pieces, left } = piecesOf(text, true);
    assert.equal(pieces.join("") + left, text, what);
    assert.equal(left, "", what);
    assert.ok(Math.max(...pieces.map((piece) => piece.length)) <= MAX_BLOCK_CHARS, what);
    assert.ok(
      pieces.every((piece) => !/^[\udc00-\udfff]/.test(piece)),
      what,
    );
  }
});

test("a long block of code is one piece, and what stands around it is not part of it", () => {
  const code = `\`\`\`js\n${"let a = 1;\n".repeat(10_000)}\`\`\`\n`;
  const { pieces } = piecesOf(`Before.\n\n${code}After.`, true);
  assert.deepEqual([pieces.length, pieces[1]], [3, code]);

  const grows = code.slice(0, -2);
  assert.deepEqual(piecesOf(grows, false), { pieces: [], left: grows });
  assert.deepEqual(piecesOf(grows, true).pieces, [grows]);
});
