import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConversationFrame } from "../src/chat/frames";
import { withFolder, withNewest } from "../src/chat/order/standing";

function at(minute: number, more: Partial<ConversationFrame> = {}): ConversationFrame {
  const moment = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  return {
    id: `c${minute}`,
    title: `${minute}`,
    model_name: "",
    created_at: moment,
    changed_at: moment,
    running: false,
    is_pinned: false,
    is_archived: false,
    is_temporary: false,
    folder_id: null,
    ...more,
  };
}

const idsOf = (all: ConversationFrame[]) => all.map((each) => each.id);

test("the newest page takes the place of what it covers, and older ones stay", () => {
  const known = [at(9), at(8), at(5), at(2), at(1)];

  assert.deepEqual(idsOf(withNewest(known, [at(9), at(5)], true)), ["c9", "c5", "c2", "c1"]);
  assert.deepEqual(idsOf(withNewest(known, [at(9), at(5)], false)), ["c9", "c5"]);
});

test("what was unpinned or deleted elsewhere does not stay pinned here", () => {
  const known = [at(9, { is_pinned: true }), at(3, { is_pinned: true })];

  const now = withNewest(known, [at(3, { is_pinned: true }), at(9)], false);

  assert.deepEqual(
    now.map((each) => [each.id, each.is_pinned]),
    [
      ["c9", false],
      ["c3", true],
    ],
  );
});

test("reading the list again loses nothing of folders, the archive or a temporary chat", () => {
  const known = [
    at(7, { folder_id: "f" }),
    at(6, { is_archived: true }),
    at(5, { is_temporary: true }),
  ];

  assert.deepEqual(idsOf(withNewest(known, [at(9)], false)), ["c9", "c7", "c6", "c5"]);
});

test("what was moved out of a folder elsewhere is not in it any more", () => {
  const known = [at(9), at(7, { folder_id: "f" }), at(6, { folder_id: "g" })];

  const now = withFolder(known, "f", [at(8, { folder_id: "f" })]);

  assert.deepEqual(idsOf(now), ["c9", "c8", "c6"]);
});
