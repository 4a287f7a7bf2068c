/** The panels of order, one at a time, each fetched when it is first opened. */

import type { JSX } from "preact";
import { lazily } from "../talk/lazily";
import { closePanel, panel } from "./openings";

const SearchPanel = lazily(() => orClosed(async () => (await import("./SearchPanel")).SearchPanel));
const ArchivePanel = lazily(() =>
  orClosed(async () => (await import("./ArchivePanel")).ArchivePanel),
);
const ImportPanel = lazily(() => orClosed(async () => (await import("./ImportPanel")).ImportPanel));
const MovePanel = lazily(() => orClosed(async () => (await import("./MovePanel")).MovePanel));
const SharePanel = lazily(() => orClosed(async () => (await import("./SharePanel")).SharePanel));

/** What could not be fetched is closed again, so that the next press tries anew. */
async function orClosed<P>(fetched: () => Promise<P>): Promise<P> {
  try {
    return await fetched();
  } catch (error) {
    closePanel();
    throw error;
  }
}

export function Panels(): JSX.Element | null {
  const now = panel.value;
  switch (now?.is) {
    case "search":
      return <SearchPanel />;
    case "archive":
      return <ArchivePanel />;
    case "import":
      return <ImportPanel />;
    case "move":
      return <MovePanel ids={now.ids} />;
    case "share":
      return <SharePanel id={now.id} title={now.title} />;
    default:
      return null;
  }
}
