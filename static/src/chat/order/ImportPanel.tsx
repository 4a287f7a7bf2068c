/** Taking conversations in from a file that a portal has written. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Modal } from "../settings/Modal";
import { t, tn } from "../words";
import { type Taken, takeIn } from "./files";
import { closePanel } from "./openings";
import "./order.css";

export function ImportPanel(): JSX.Element {
  const [file, setFile] = useState<File | null>(null);
  const [isTaking, setTaking] = useState(false);
  const [taken, setTaken] = useState<Taken | null>(null);
  const submit = async (): Promise<void> => {
    if (file !== null) {
      setTaking(true);
      setTaken(await takeIn(file));
      setTaking(false);
    }
  };
  return (
    <Modal title={t("Import chats")} shape="box" close={closePanel}>
      <p>{t("Choose a file that was exported as JSON. What you have already stays as it is.")}</p>
      <form
        class="one-line"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <input
          type="file"
          accept=".json,application/json"
          aria-label={t("File with chats")}
          onChange={(event) => {
            setFile(event.currentTarget.files?.[0] ?? null);
            setTaken(null);
          }}
        />
        <button type="submit" class="button" disabled={file === null || isTaking || isDone(taken)}>
          {t("Import")}
        </button>
      </form>
      <p class="search-state" role="status">
        {isTaking ? t("Reading the file…") : sentenceAbout(taken)}
      </p>
    </Modal>
  );
}

function isDone(taken: Taken | null): boolean {
  return taken !== null && taken.refusal === "";
}

function sentenceAbout(taken: Taken | null): string {
  if (taken === null || taken.refusal !== "") {
    return taken?.refusal ?? "";
  }
  return tn("%(count)s chat was taken in.", "%(count)s chats were taken in.", taken.count);
}
