/** The snapshot of somebody's conversation that is shown, if the address names one. */

import { effect, signal } from "@preact/signals";
import * as address from "../address";
import { fetchDrawer } from "../prose";
import { sentenceOf } from "../sentences";
import { ask } from "../socket";
import type { SharedReply } from "./frames";

export type SharedNow =
  | { is: "opening" }
  | { is: "open"; shared: SharedReply }
  | { is: "missing"; sentence: string };

export const sharedNow = signal<SharedNow>({ is: "opening" });

/** From now on. */
export function followAddress(): void {
  effect(() => {
    const id = address.sharedId.value;
    if (id !== null) {
      sharedNow.value = { is: "opening" };
      void readShared(id);
    }
  });
}

export async function readShared(id: string): Promise<void> {
  try {
    const [shared] = await Promise.all([ask("share.open", { share_id: id }), fetchDrawer()]);
    if (address.sharedId.peek() === id) {
      sharedNow.value = { is: "open", shared: shared as SharedReply };
    }
  } catch (error) {
    if (address.sharedId.peek() === id) {
      sharedNow.value = { is: "missing", sentence: sentenceOf(error) };
    }
  }
}
