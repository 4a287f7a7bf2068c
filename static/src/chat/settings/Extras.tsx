/** What lies over the page when it is asked for, and what listens everywhere. */

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import * as context from "../context/context";
import { viewed } from "../files/viewing";
import { lazily } from "../talk/lazily";
import * as chosen from "./chosen";
import { filling, isCheatSheetOpen, isSheetOpen } from "./openings";

const Sheet = lazily(() =>
  orClosed(async () => (await import("./Sheet")).Sheet, isSheetOpen, false),
);
const CheatSheet = lazily(() =>
  orClosed(async () => (await import("./CheatSheet")).CheatSheet, isCheatSheetOpen, false),
);
const TemplateDialog = lazily(() =>
  orClosed(async () => (await import("./TemplateDialog")).TemplateDialog, filling, null),
);

const Viewer = lazily(() =>
  orClosed(async () => (await import("../files/Viewer")).Viewer, viewed, null),
);

/** What could not be fetched is closed again, so that the next press tries anew. */
async function orClosed<P, V>(fetched: () => Promise<P>, open: Signal<V>, closed: V): Promise<P> {
  try {
    return await fetched();
  } catch (error) {
    open.value = closed;
    throw error;
  }
}

export function Extras(): JSX.Element {
  useEffect(() => {
    const ends = [chosen.follow(), context.follow()];
    return () => {
      for (const end of ends) {
        end();
      }
    };
  }, []);
  return (
    <>
      {isSheetOpen.value && <Sheet />}
      {isCheatSheetOpen.value && <CheatSheet />}
      {filling.value !== null && <TemplateDialog />}
      {viewed.value !== null && <Viewer file={viewed.value} />}
    </>
  );
}
