/** What of the composer has to do with files. Its look is fetched when the first one is added. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { lazily } from "../talk/lazily";
import { attached } from "./attached";
import { useCatching } from "./catching";
import { follow } from "./travelling";

const Chips = lazily(async () => (await import("./Chips")).Chips);
const DropTarget = lazily(async () => (await import("./DropTarget")).DropTarget);

/** `canTake`: there is a question that they could go with. */
export function Catcher({ canTake }: { canTake: boolean }): JSX.Element | null {
  return useCatching(canTake) ? <DropTarget /> : null;
}

export function ComposerFiles(): JSX.Element | null {
  useEffect(follow, []);
  return attached.value.length > 0 ? <Chips /> : null;
}
