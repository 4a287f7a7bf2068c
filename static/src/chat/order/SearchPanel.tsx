/** Looking for words in everything one has said and been answered. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import * as address from "../address";
import { isComposing } from "../composing";
import { closeDrawer } from "../drawer";
import { sentenceOf } from "../sentences";
import { Modal } from "../settings/Modal";
import { ask } from "../socket";
import { open } from "../talk/shown";
import { locale, t } from "../words";
import type { FoundReply, Hit, Part, TitleHit } from "./frames";
import { jumpTo } from "./jump";
import { closePanel } from "./openings";
import { tried } from "./shelves";
import "./order.css";

const TYPING_MS = 180;
const HAS_A_LETTER = /[\p{L}\p{N}]/u;

interface Shown {
  words: string;
  titles: TitleHit[];
  hits: Hit[];
  after: string | null;
  isComplete: boolean;
}

export function SearchPanel(): JSX.Element {
  const [words, setWords] = useState("");
  const [found, setFound] = useState<Shown | null>(null);
  const [refusal, setRefusal] = useState("");
  const newest = useRef("");
  newest.current = words;

  const look = async (after: string | null): Promise<void> => {
    try {
      const reply = (await ask("search", { words, after })) as FoundReply;
      if (newest.current === words) {
        setRefusal("");
        setFound((known) => shownOf(words, reply, after === null ? null : known));
      }
    } catch (error) {
      setRefusal(sentenceOf(error));
    }
  };
  useEffect(() => {
    if (!HAS_A_LETTER.test(words)) {
      setFound(null);
      setRefusal("");
      return;
    }
    const timer = window.setTimeout(() => void look(null), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [words]);
  // Older texts are taken into the index a few at a time: ask again until all are.
  useEffect(() => {
    if (found !== null && !found.isComplete && found.words === words) {
      void look(null);
    }
  }, [found]);

  return (
    <Modal title={t("Search your chats")} shape="box" focus="input" close={closePanel}>
      <input
        type="search"
        dir="auto"
        maxLength={200}
        aria-label={t("Search for")}
        placeholder={t("A word, or words in quotation marks")}
        value={words}
        onInput={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          // A browser would empty the line first, and close at the second press.
          if (event.key === "Escape" && !isComposing(event)) {
            event.preventDefault();
            closePanel();
          }
        }}
      />
      <p class="search-state" role="status">
        {refusal || stateOf(found)}
      </p>
      {found !== null && <Hits found={found} more={() => void look(found.after)} />}
    </Modal>
  );
}

function shownOf(words: string, reply: FoundReply, known: Shown | null): Shown {
  return {
    words,
    titles: known?.titles ?? reply.titles,
    hits: [...(known?.hits ?? []), ...reply.hits],
    after: reply.after,
    isComplete: reply.is_complete,
  };
}

function stateOf(found: Shown | null): string {
  if (found === null) {
    return "";
  }
  if (!found.isComplete) {
    return t("Older chats are still being looked through…");
  }
  const isEmpty = found.titles.length + found.hits.length === 0 && found.after === null;
  return isEmpty ? t("Nothing was found.") : "";
}

function Hits({ found, more }: { found: Shown; more: () => void }): JSX.Element {
  return (
    <>
      {found.titles.length > 0 && (
        <section class="hits" aria-label={t("Titles")}>
          <ul>
            {found.titles.map((each) => (
              <li key={each.conversation_id}>
                <HitLink
                  to={each.conversation_id}
                  go={() => open(each.conversation_id)}
                  head={<Line parts={each.parts} />}
                  at={each.changed_at}
                  isArchived={each.is_archived}
                />
              </li>
            ))}
          </ul>
        </section>
      )}
      {found.hits.length > 0 && (
        <section class="hits" aria-label={t("Messages")}>
          <ul>
            {found.hits.map((each) => (
              <li key={each.generation_id ?? each.message_id}>
                <HitLink
                  to={each.conversation_id}
                  go={() => void tried(jumpTo(each))}
                  head={<bdi>{each.title || t("New chat")}</bdi>}
                  at={each.said_at}
                  isArchived={each.is_archived}
                >
                  <Line parts={each.parts} />
                </HitLink>
              </li>
            ))}
          </ul>
        </section>
      )}
      {found.after !== null && (
        <button type="button" class="quiet more" onClick={more}>
          {t("Show more")}
        </button>
      )}
    </>
  );
}

interface LinkProps {
  to: string;
  go: () => void;
  head: JSX.Element;
  at: string;
  isArchived: boolean;
  children?: JSX.Element;
}

function HitLink({ to, go, head, at, isArchived, children }: LinkProps): JSX.Element {
  return (
    <a
      class="hit"
      href={address.pathOf(to)}
      onClick={(event) => {
        if (!event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
          event.preventDefault();
          closePanel();
          closeDrawer();
          go();
        }
      }}
    >
      <span class="hit-head">
        {head}
        <span>
          {isArchived && `${t("Archived")} · `}
          <time dateTime={at}>{dayOf(at)}</time>
        </span>
      </span>
      {children}
    </a>
  );
}

function Line({ parts }: { parts: Part[] }): JSX.Element {
  return (
    <span class="hit-line" dir="auto">
      {parts.map((part, index) => (part.is_hit ? <mark key={index}>{part.text}</mark> : part.text))}
    </span>
  );
}

function dayOf(at: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(at));
}
