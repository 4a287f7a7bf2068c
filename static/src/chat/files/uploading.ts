/** Brings one file to the server and asks after it there. Knows no page. */

import { csrfToken } from "../page";
import { t } from "../words";
import { ADDRESS, type FileFrame, isWhole } from "./frames";

const CREATED = 201;
const NOT_FOUND = 404;

/** The server's own sentence, or ours where it could not say one. */
export class NotTaken extends Error {}

/** It broke off on its way: nobody has refused it. */
export class NotArrived extends NotTaken {}

export interface Upload {
  file: File;
  signal: AbortSignal;
  /** How much of it has arrived, 0 to 1. */
  told: (progress: number) => void;
}

/** Not `fetch`: of that no browser tells how much has left. Throws `NotTaken`. */
export function upload({ file, signal, told }: Upload): Promise<FileFrame> {
  const body = new FormData();
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const fail = (sentence: string): void => reject(new NotTaken(sentence));
    request.upload.addEventListener("progress", (event) => {
      told(event.total === 0 ? 0 : event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const told: unknown = request.response;
      if (request.status === CREATED && isWhole(told)) {
        resolve(told);
      } else {
        fail(sentenceIn(told) || t("This file could not be added. Nothing else has changed."));
      }
    });
    request.addEventListener("error", () =>
      reject(
        new NotArrived(t("This file did not arrive. Check that it is still there, and try again.")),
      ),
    );
    request.addEventListener("abort", () => fail(""));
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", ADDRESS);
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", csrfToken);
    request.send(body);
  });
}

/** As it is now; null when it is there no longer. Throws where nobody answers. */
export async function lookAt(id: string): Promise<FileFrame | null> {
  const reply = await fetch(`${ADDRESS}${id}/`, { credentials: "same-origin" });
  if (reply.status === NOT_FOUND) {
    return null;
  }
  const told: unknown = await reply.json();
  if (!reply.ok || !isWhole(told)) {
    throw new Error(String(reply.status));
  }
  return told;
}

/** One that was not sent. Unheard, it goes by itself after a day. */
export async function dropUnsent(id: string): Promise<void> {
  await fetch(`${ADDRESS}${id}/`, {
    method: "DELETE",
    credentials: "same-origin",
    headers: { "X-CSRFToken": csrfToken },
  }).catch(() => undefined);
}

function sentenceIn(told: unknown): string {
  const isSaid = typeof told === "object" && told !== null && "error" in told;
  return isSaid && typeof told.error === "string" ? told.error : "";
}
