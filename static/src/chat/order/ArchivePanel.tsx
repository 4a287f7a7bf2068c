/** What is out of sight and not out of reach. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as address from "../address";
import { refreshList, remove } from "../conversations";
import { confirm } from "../Dialog";
import { closeDrawer } from "../drawer";
import type { ConversationFrame } from "../frames";
import { sentenceOf } from "../sentences";
import { Modal } from "../settings/Modal";
import { open } from "../talk/shown";
import { Tool } from "../talk/Tool";
import { t } from "../words";
import { closePanel } from "./openings";
import { archive, readShelf, refreshShelves } from "./shelves";
import "./order.css";

export function ArchivePanel(): JSX.Element {
  const [rows, setRows] = useState<ConversationFrame[] | null>(null);
  const [hasMore, setMore] = useState(false);
  const [refusal, setRefusal] = useState("");

  const tried = async (act: () => Promise<void>): Promise<void> => {
    try {
      setRefusal("");
      await act();
    } catch (error) {
      setRefusal(sentenceOf(error));
    }
  };
  const read = async (before: string | null): Promise<void> => {
    const page = await readShelf("archive", null, before);
    setRows((known) => [...(before === null ? [] : (known ?? [])), ...page.conversations]);
    setMore(page.more);
  };
  useEffect(() => void tried(() => read(null)), []);
  const drop = (id: string): void => {
    setRows((known) => (known ?? []).filter((each) => each.id !== id));
  };
  const takeOut = async (id: string): Promise<void> => {
    await archive([id], false);
    drop(id);
    await Promise.all([refreshList(), refreshShelves()]);
  };
  const askDelete = async (each: ConversationFrame): Promise<void> => {
    const isSure = await confirm({
      title: t("Delete this conversation?"),
      text: t("“%(title)s” will be gone for good.", { title: each.title }),
      act: t("Delete"),
    });
    if (isSure) {
      await remove(each.id);
      drop(each.id);
    }
  };

  return (
    <Modal title={t("Archive")} shape="box" close={closePanel}>
      <p class="search-state" role="status">
        {refusal || (rows?.length === 0 ? t("Nothing is in the archive.") : "")}
      </p>
      <ul class="archived">
        {(rows ?? []).map((each) => (
          <li key={each.id}>
            <a
              href={address.pathOf(each.id)}
              onClick={(event) => {
                if (!event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
                  event.preventDefault();
                  closePanel();
                  closeDrawer();
                  open(each.id);
                }
              }}
            >
              <bdi>{each.title || t("New chat")}</bdi>
            </a>
            <Tool
              words={t("Take out of the archive")}
              icon="retry"
              act={() => void tried(() => takeOut(each.id))}
            />
            <Tool words={t("Delete")} icon="bin" act={() => void tried(() => askDelete(each))} />
          </li>
        ))}
      </ul>
      {hasMore && (
        <button
          type="button"
          class="quiet more"
          onClick={() => void tried(() => read(rows?.at(-1)?.changed_at ?? null))}
        >
          {t("Show older")}
        </button>
      )}
    </Modal>
  );
}
