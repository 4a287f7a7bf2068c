import assert from "node:assert/strict";
import { test } from "node:test";
import MarkdownIt from "markdown-it";
import { asCsv, asTsv } from "../src/chat/rendering/cells";
import { formulaAt, MAX_FORMULA_CHARS, readFormulas } from "../src/chat/rendering/formulas";
import { kindOf } from "../src/chat/rendering/kinds";

const markdown = new MarkdownIt({ html: false, breaks: true });
readFormulas(markdown);

const formulasIn = (source: string): string[] =>
  [...markdown.render(source).matchAll(/<span class="formula[^>]*>([^<]*)</g)].map(
    (found) => found[1] ?? "",
  );

test("formulas are found in all four spellings", () => {
  assert.deepEqual(formulasIn("a $x^2$ b \\(y\\) c"), ["x^2", "y"]);
  assert.deepEqual(formulasIn("$$x$$ and\n\\[\ny\n\\]"), ["x", "y"]);
  assert.deepEqual(formulasIn("$$\na\n= b\n\n- c\n$$"), ["a\n= b\n\n- c"]);
  assert.deepEqual(formulasIn("1. one\n   $$\n   x\n   $$"), ["x"]);
});

test("prices, variables of a shell and code are no formulas", () => {
  for (const text of ["$5 and $6", "US$5, CA$6", "echo $HOME and $PATH", "`$x$`", "a\\$b$", "$$"]) {
    assert.deepEqual(formulasIn(text), [], text);
  }
});

test("a formula that is not closed, or too long, stays text", () => {
  assert.equal(formulaAt("$x", 0), null);
  assert.equal(formulaAt(`$${"x".repeat(2_001)}$`, 0), null);
});

test("markup in a formula is text", () => {
  assert.equal(markdown.renderInline("$<b>$"), '<span class="formula">&lt;b&gt;</span>');
});

test("cells that would compute are kept still, numbers stay numbers", () => {
  assert.equal(
    asCsv([["=1+1", "-2", "a,b", 'say "c"', "+x", "@y"]]),
    '\'=1+1,-2,"a,b","say ""c""",\'+x,\'@y',
  );
  assert.equal(
    asTsv([
      ["a\tb", "2"],
      ["=c", "d"],
    ]),
    "a b\t2\n'=c\td",
  );
});

test("only what can be looked at has a preview", () => {
  assert.equal(kindOf("html", ""), "html");
  assert.equal(kindOf("xml", '<?xml version="1.0"?><svg>'), "svg");
  assert.equal(kindOf("xml", "<rss>"), null);
  assert.equal(kindOf("constructor", ""), null);
});

test("an end is looked for no further than a formula reaches, however long the text (threat D6)", () => {
  const text = "\\(x ".repeat(10_000);
  const looksFor = String.prototype.indexOf;
  let looked = 0;
  String.prototype.indexOf = function (wanted: string, from = 0): number {
    looked += this.length - from;
    return looksFor.call(this, wanted, from);
  };
  try {
    assert.equal(formulaAt(text, 0), null);
  } finally {
    String.prototype.indexOf = looksFor;
  }
  assert.ok(looked > 0 && looked <= MAX_FORMULA_CHARS + 2, String(looked));
});
