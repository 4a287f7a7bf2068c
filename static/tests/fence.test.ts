import assert from "node:assert/strict";
import { test } from "node:test";
import MarkdownIt from "markdown-it";
import { OpenFence } from "../src/chat/rendering/fence";

const markdown = new MarkdownIt({ html: false });

/** What the parser takes for the code, when the source is one block of it. */
function codeOf(source: string): string | null {
  const [first, ...others] = markdown.parse(source, {});
  return first?.type === "fence" && others.length === 0 ? first.content : null;
}

const SOURCE = `\`\`\`python
def one():
    return "\`\`\`"  # not an end

  ~~~
\`\`
\tx = \`\`\`\`
    \`\`\`
# a line
\`\`\`
after it
`;

test("what is taken as it is, is what the parser would have read", () => {
  let taken = 0;
  for (let length = 1; length < SOURCE.length; length += 1) {
    const before = SOURCE.slice(0, length);
    const fence = OpenFence.of(before);
    for (let further = length + 1; fence !== null && further <= SOURCE.length; further += 1) {
      const after = SOURCE.slice(0, further);
      const added = fence.added(before, after);
      if (added !== null) {
        taken += 1;
        // Blanks that begin a line are shown a little sooner than the parser would.
        const shown = `${codeOf(before)}${added}`.replace(/(?<=\n)[ \t]+$/, "");
        assert.equal(shown, codeOf(after), JSON.stringify(after));
      }
    }
  }
  assert.ok(taken > 1_000);
});

test("a block that has ended takes nothing more", () => {
  assert.equal(OpenFence.of("```\nx\n```"), null);
  assert.equal(OpenFence.of("```\nx\n```\nafter"), null);
  assert.equal(OpenFence.of("````\nx\n```")?.added("````\nx\n```", "````\nx\n```\ny"), "\ny");
  assert.equal(OpenFence.of("```\nx\n``")?.added("```\nx\n``", "```\nx\n```"), null);
});

test("what is no block of code, or not yet, is read", () => {
  for (const source of [
    "",
    "```",
    "```python",
    "    ```\nx",
    "text\n```\nx",
    "~~~\nx",
    "``` a`b\nx",
  ]) {
    assert.equal(OpenFence.of(source), null, JSON.stringify(source));
  }
});

test("what is changed or marked on its way to the page is read", () => {
  const fence = OpenFence.of("```\nx");
  for (const special of ["\0", "\r\n", "a\u202eb", "\u2066"]) {
    assert.equal(fence?.added("```\nx", `\`\`\`\nx${special}`), null);
  }
  assert.equal(OpenFence.of("```xml\n<?x"), null);
});
