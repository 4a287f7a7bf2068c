/** Brings what is chosen to the server, a few at a time, and hears what becomes of it there. */

import { effect } from "@preact/signals";
import { newKey } from "../keys";
import { refusal } from "../sending";
import { fileLimits } from "../session";
import { shownId } from "../talk/shown";
import { t } from "../words";
import { add, attached, attachedIn, change } from "./attached";
import type { Attachment } from "./fitness";
import type { FileChanged, FileFrame } from "./frames";
import { sizeInWords } from "./sizes";
import { dropUnsent, lookAt, NotArrived, NotTaken, upload } from "./uploading";

const MOST_AT_ONCE = 3;
/** Should a word of the server be lost: so often is asked after what it reads. */
const LOOK_AGAIN_MS = 4_000;
const MOST_HEARD = 50;

interface Journey {
  file: File;
  ending: AbortController;
  /** It broke off, and sets out again by itself with the next connection. */
  isBroken: boolean;
}

/** What is on its way or did not arrive; a reload forgets it, as browsers must. */
const journeys = new Map<string, Journey>();
const waiting: string[] = [];
let travellingCount = 0;
/** What was told of files last: it may come before the reply that names them. */
const heard = new Map<string, FileFrame>();

/** Attaches them to the question that is being written; what is too many is said. */
export function attach(files: readonly File[]): void {
  const place = shownId.peek() ?? "";
  const { bytes, count } = fileLimits.peek();
  const room = count - attachedIn(place).length;
  refusal.value =
    files.length > room
      ? t("At most %(count)s files go with one question. The others were left out.", {
          count,
        })
      : "";
  const fresh = files.slice(0, Math.max(0, room)).map((file) => {
    const refusal = file.size > bytes ? tooLarge(bytes) : "";
    return {
      key: newKey(),
      name: file.name,
      sizeBytes: file.size,
      progress: 0,
      file: null,
      refusal,
    };
  });
  add(place, fresh);
  for (const [index, file] of files.slice(0, fresh.length).entries()) {
    const { key = "", refusal: isRefused } = fresh[index] ?? {};
    if (isRefused === "") {
      journeys.set(key, { file, ending: new AbortController(), isBroken: false });
      begin(key);
    }
  }
}

/** Said before it has travelled. */
function tooLarge(bytes: number): string {
  return t("This file is larger than %(size)s, so it was not added. Attach a smaller one.", {
    size: sizeInWords(bytes),
  });
}

export function tryAgain({ key }: Pick<Attachment, "key">): void {
  const journey = journeys.get(key);
  if (journey !== undefined) {
    journey.ending = new AbortController();
    journey.isBroken = false;
    change(is(key), (each) => ({ ...each, refusal: "", progress: 0 }));
    begin(key);
  }
}

/** What broke off with the connection sets out again with the next. */
export function resumeJourneys(): void {
  for (const [key, { isBroken }] of journeys) {
    if (isBroken) {
      tryAgain({ key });
    }
  }
}

export function canTryAgain({ key, file }: Attachment): boolean {
  return file === null && journeys.has(key);
}

/** On its way it is stopped; on the server it is dropped. */
export function takeOut({ key, file }: Attachment): void {
  change(is(key), () => null);
  journeys.get(key)?.ending.abort();
  journeys.delete(key);
  if (file !== null) {
    void dropUnsent(file.id);
  }
}

/** What was attached in a conversation that is over, and never sent. */
export function leaveNothing(place: string): void {
  attachedIn(place).forEach(takeOut);
}

function begin(key: string): void {
  waiting.push(key);
  next();
}

function next(): void {
  while (travellingCount < MOST_AT_ONCE && waiting.length > 0) {
    const key = waiting.shift() ?? "";
    const journey = journeys.get(key);
    if (journey !== undefined) {
      travellingCount += 1;
      void travel(key, journey).finally(() => {
        travellingCount -= 1;
        next();
      });
    }
  }
}

async function travel(key: string, journey: Journey): Promise<void> {
  const { file, ending } = journey;
  try {
    const arrived = await upload({
      file,
      signal: ending.signal,
      told: (progress) => change(is(key), (each) => ({ ...each, progress })),
    });
    if (!journeys.delete(key)) {
      // Taken out while its last bytes arrived.
      void dropUnsent(arrived.id);
      return;
    }
    const newest = heard.get(arrived.id) ?? arrived;
    change(is(key), (each) => ({ ...each, progress: 1, file: newest }));
  } catch (error) {
    journey.isBroken = error instanceof NotArrived;
    const words = error instanceof NotTaken ? error.message : t("This file could not be added.");
    change(is(key), (each) => ({ ...each, refusal: words }));
  }
}

/** The server tells of a file, perhaps before we know that it is ours. */
export function hear({ file }: FileChanged): void {
  heard.delete(file.id);
  heard.set(file.id, file);
  const [oldest] = heard.keys();
  if (heard.size > MOST_HEARD && oldest !== undefined) {
    heard.delete(oldest);
  }
  change(
    (each) => each.file?.id === file.id,
    (each) => ({ ...each, file }),
  );
}

/** Asks after what is attached here: all of it at first, then what is still being read. */
export function follow(): () => void {
  let seen: string | null = null;
  let timer: number | undefined;
  const look = (isMeant: (file: FileFrame) => boolean): void => {
    for (const { file } of attached.peek()) {
      if (file !== null && isMeant(file)) {
        void lookAgain(file.id);
      }
    }
  };
  return effect(() => {
    const place = shownId.value ?? "";
    const isReading = attached.value.some((each) => each.file?.state === "reading");
    window.clearInterval(timer);
    if (seen !== place) {
      seen = place;
      look(() => true);
    }
    if (isReading) {
      timer = window.setInterval(() => look((file) => file.state === "reading"), LOOK_AGAIN_MS);
    }
    return () => window.clearInterval(timer);
  });
}

async function lookAgain(id: string): Promise<void> {
  try {
    const file = await lookAt(id);
    change(
      (each) => each.file?.id === id,
      (each) => (file === null ? null : { ...each, file }),
    );
  } catch {
    // Nobody answers now; what we know stays.
  }
}

function is(key: string): (each: Attachment) => boolean {
  return (each) => each.key === key;
}
