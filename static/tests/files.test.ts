import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Attachment,
  endingOf,
  hindranceOf,
  isOnlyFiles,
  isTooLong,
  tokensOfFiles,
} from "../src/chat/files/fitness";
import { type FileFrame, isWhole } from "../src/chat/files/frames";

function file(more: Partial<FileFrame> = {}): FileFrame {
  return {
    id: "1",
    name: "report.pdf",
    kind: "document",
    media_type: "application/pdf",
    size_bytes: 1_000,
    state: "ready",
    sentence: "",
    tokens: 100,
    width: null,
    height: null,
    ...more,
  };
}

function attachment(of: Partial<FileFrame> | null, more: Partial<Attachment> = {}): Attachment {
  const known = of === null ? null : file(of);
  return { key: "k", name: "n", sizeBytes: 1, progress: 1, file: known, refusal: "", ...more };
}

test("what is read can be sent, and so can nothing", () => {
  assert.equal(hindranceOf([], false), "");
  assert.equal(hindranceOf([attachment({}), attachment({})], false), "");
});

test("a question waits until all of it has arrived and is read", () => {
  assert.equal(hindranceOf([attachment({}), attachment(null)], true), "travelling");
  assert.equal(hindranceOf([attachment({}), attachment({ state: "reading" })], true), "reading");
});

test("what was refused is never left out in silence", () => {
  const refused = attachment({ state: "refused" });
  assert.equal(hindranceOf([attachment(null), refused], true), "refused");
  assert.equal(hindranceOf([attachment(null, { refusal: "too large" })], true), "refused");
});

test("a picture needs a model that sees, from the moment it is chosen for", () => {
  const picture = attachment({ kind: "image", tokens: null });
  assert.equal(hindranceOf([picture], true), "");
  assert.equal(hindranceOf([picture, attachment({ state: "reading" })], false), "unseen");
});

test("documents and pictures take room; what was refused takes none", () => {
  assert.ok(tokensOfFiles([file()]) > 100);
  assert.ok(tokensOfFiles([file({ kind: "image", tokens: null })]) > 0);
  assert.equal(tokensOfFiles([file({ state: "refused" })]), 0);
});

test("a document is too long when it does not fit by itself", () => {
  assert.equal(isTooLong(file({ tokens: 5_000 }), 4_096), true);
  assert.equal(isTooLong(file({ tokens: 4_095 }), 4_096), true);
  assert.equal(isTooLong(file({ tokens: 1_000 }), 4_096), false);
  assert.equal(isTooLong(file({ tokens: 5_000 }), 0), false);
});

test("a kind of document is called by its ending", () => {
  assert.equal(endingOf("a report.final.PdF"), "PDF");
  assert.equal(endingOf("Makefile"), "");
  assert.equal(endingOf("x.<img src=x>"), "");
});

test("a copied picture is pasted as a file, cells of a table as text", () => {
  assert.equal(isOnlyFiles("", ["image.png"]), true);
  assert.equal(isOnlyFiles("a\tb\n1\t2", ["image.png"]), false);
});

test("what a file manager copies is its files, whatever it writes beside them", () => {
  assert.equal(isOnlyFiles("a b.txt", ["a b.txt"]), true);
  assert.equal(isOnlyFiles("/home/alice/a b.txt\r\n/home/alice/c.txt", ["a b.txt", "c.txt"]), true);
  assert.equal(isOnlyFiles("file:///home/alice/a%20b.txt", ["a b.txt"]), true);
});

test("what a browser remembers is a file only when all of it is there", () => {
  assert.equal(isWhole(file()), true);
  assert.equal(isWhole({ ...file(), name: 7 }), false);
  assert.equal(isWhole(null), false);
});
