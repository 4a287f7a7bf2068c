import assert from "node:assert/strict";
import { test } from "node:test";
import { completionsOf, type Sources } from "../src/chat/commands/completions";
import { firstWords, known } from "../src/chat/commands/known";
import { isInQuotes, parse, unquoted, unquotedValue } from "../src/chat/commands/parse";
import { filled, gapsOf } from "../src/chat/settings/gaps";

const FROM: Sources = {
  firstWords: firstWords(),
  commands: known(),
  templates: [{ name: "translate", text: "Translate into {{language}}:\n{{text}}" }],
  parameters: [{ name: "temperature", title: "Temperature" }],
  models: ["qwen2.5:0.5b"],
  presets: ["Editor"],
};

function offered(text: string): string[] {
  return completionsOf(text, FROM).map((each) => each.text);
}

test("a slash and a word is a command, with all that follows", () => {
  assert.deepEqual(parse("/set  system  Be brief."), {
    name: "set",
    words: ["system", "Be", "brief."],
    rest: "system  Be brief.",
  });
  assert.equal(parse("/?")?.name, "?");
  assert.equal(parse("/翻译 hello")?.name, "翻译");
});

test("a path, a fraction and a slash with a space before it are messages", () => {
  for (const text of ["/etc/passwd", " /set", "1/2", "/ x", "hello /set", "//"]) {
    assert.equal(parse(text), null, text);
  }
});

test("a block of triple quotes is open until it is closed", () => {
  assert.equal(isInQuotes('"""'), true);
  assert.equal(isInQuotes('"""one\ntwo'), true);
  assert.equal(isInQuotes('/set system """You are'), true);
  assert.equal(isInQuotes('"""one\ntwo"""'), false);
  assert.equal(isInQuotes('He said """ and left'), false);
});

test("triple quotes around a message are not part of it", () => {
  assert.equal(unquoted('"""\none\n\ntwo\n"""'), "one\n\ntwo");
  assert.equal(unquoted('"""one"""'), "one");
  assert.equal(unquoted('say """hi"""'), 'say """hi"""');
  assert.equal(unquoted('""""'), '""""');
  assert.equal(unquotedValue('"Be brief."'), "Be brief.");
  assert.equal(unquotedValue('Say "yes" or "no"'), 'Say "yes" or "no"');
});

test("what is begun is completed", () => {
  assert.deepEqual(offered("/cl"), ["/clear"]);
  assert.deepEqual(offered("/set s"), ["/set system "]);
  assert.deepEqual(offered("/tr"), ["/translate"]);
  assert.deepEqual(offered("/set parameter temp"), ["/set parameter temperature "]);
  assert.deepEqual(offered("/load "), ["/load qwen2.5:0.5b", "/load Editor"]);
});

test("a slash alone offers the person's templates and then the first words", () => {
  assert.deepEqual(offered("/").slice(0, 3), ["/translate", "/set ", "/show "]);
  assert.deepEqual(offered("/set ").slice(0, 2), ["/set system ", "/set parameter "]);
});

test("nothing is offered where the person writes her own words", () => {
  for (const text of [
    "/set system ",
    "/set system Be",
    "/set parameter temperature 1",
    "/save x",
  ]) {
    assert.deepEqual(offered(text), [], text);
  }
  assert.deepEqual(offered("hello"), []);
  assert.deepEqual(offered("/clear\n"), []);
});

test("each gap of a template is asked for once, in order", () => {
  const text = "From {{ language : English }} to {{to}}, {{language}}: {{ text }} {{}} {{a\nb}}";
  assert.deepEqual(gapsOf(text), [
    { name: "language", usual: "English" },
    { name: "to", usual: "" },
    { name: "text", usual: "" },
  ]);
});

test("filled gaps hold exactly what was written, whatever it looks like", () => {
  assert.equal(filled("{{a}} {{b:two}} {{b}}", { a: "$& {{b}} $1" }), "$& {{b}} $1 two ");
  assert.equal(filled("{{a:one}}", { a: "" }), "one");
});
