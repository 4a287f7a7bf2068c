/** Sharing a snapshot with named people and groups, and taking it back. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as address from "../address";
import { copy } from "../copying";
import { newKey } from "../keys";
import { sentenceOf } from "../sentences";
import { Modal } from "../settings/Modal";
import { ask } from "../socket";
import { Tool } from "../talk/Tool";
import { locale, t } from "../words";
import type { Share, SharesReply, SharingGroup } from "./frames";
import { closePanel } from "./openings";
import "./order.css";

export function SharePanel({ id, title }: { id: string; title: string }): JSX.Element {
  const [shares, setShares] = useState<Share[]>([]);
  const [groups, setGroups] = useState<SharingGroup[]>([]);
  const [state, setState] = useState("");

  const tried = async (act: () => Promise<string>): Promise<boolean> => {
    try {
      setState(await act());
      return true;
    } catch (error) {
      setState(sentenceOf(error));
      return false;
    }
  };
  const take = (reply: SharesReply): void => {
    setShares(reply.shares);
    setGroups(reply.groups);
  };
  const read = async (): Promise<string> => {
    take((await ask("shares.list", { conversation_id: id })) as SharesReply);
    return "";
  };
  useEffect(() => void tried(read), []);
  const share = async (emails: string[], groupIds: number[], key: string): Promise<string> => {
    const fields = { conversation_id: id, emails, group_ids: groupIds, client_key: key };
    take((await ask("share.create", fields)) as SharesReply);
    return t("Shared. Those you named find it in their list of chats.");
  };
  const revoke = async (shareId: string): Promise<string> => {
    await ask("share.revoke", { share_id: shareId });
    setShares((known) => known.filter((each) => each.id !== shareId));
    return t("It is not shared any more.");
  };

  return (
    <Modal title={t("Share “%(title)s”", { title })} shape="box" close={closePanel}>
      <p>
        {t(
          "They will read this chat as it is now, and can change nothing. What you write later is not shared.",
        )}
      </p>
      <Readers groups={groups} share={(...told) => tried(() => share(...told))} />
      <p class="search-state" role="status">
        {state}
      </p>
      {shares.length > 0 && (
        <section class="shares" aria-label={t("Shared with")}>
          <h3>{t("Shared with")}</h3>
          <ul>
            {shares.map((each) => (
              <OneShare key={each.id} share={each} revoke={() => tried(() => revoke(each.id))} />
            ))}
          </ul>
        </section>
      )}
    </Modal>
  );
}

interface ReadersProps {
  groups: SharingGroup[];
  share: (emails: string[], groupIds: number[], key: string) => Promise<boolean>;
}

function Readers({ groups, share }: ReadersProps): JSX.Element {
  const [emails, setEmails] = useState("");
  const [picked, setPicked] = useState<number[]>([]);
  const named = emails.split(/[\s,;，；]+/).filter(Boolean);
  const toggle = (id: number): void => {
    setPicked(picked.includes(id) ? picked.filter((each) => each !== id) : [...picked, id]);
  };
  const submit = async (): Promise<void> => {
    if (await share(named, picked, newKey())) {
      setEmails("");
      setPicked([]);
    }
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label class="field">
        <span class="field-name">{t("People, by their email addresses")}</span>
        <input
          inputMode="email"
          autocomplete="off"
          spellcheck={false}
          value={emails}
          onInput={(event) => setEmails(event.currentTarget.value)}
        />
      </label>
      {groups.length > 0 && (
        <fieldset class="field">
          <legend class="field-name">{t("Groups you are in")}</legend>
          {groups.map((each) => (
            <label key={each.id} class="pickable">
              <input
                type="checkbox"
                checked={picked.includes(each.id)}
                onChange={() => toggle(each.id)}
              />
              <bdi>{each.name}</bdi>
            </label>
          ))}
        </fieldset>
      )}
      <button type="submit" class="button" disabled={named.length + picked.length === 0}>
        {t("Share")}
      </button>
    </form>
  );
}

function OneShare({
  share,
  revoke,
}: {
  share: Share;
  revoke: () => Promise<boolean>;
}): JSX.Element {
  const readers = [
    ...share.people.map((each) => each.name || each.email),
    ...share.groups.map((each) => each.name),
  ];
  const link = new URL(address.pathOfShared(share.id), window.location.href).href;
  return (
    <li>
      <span>
        <bdi>{new Intl.ListFormat(locale).format(readers)}</bdi>
        <time dateTime={share.created_at}>
          {new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(
            new Date(share.created_at),
          )}
        </time>
      </span>
      <Tool words={t("Copy link")} icon="copy" act={() => copy(link)} />
      <button type="button" class="quiet" onClick={() => void revoke()}>
        {t("Stop sharing")}
      </button>
    </li>
  );
}
