/** What is attached to the question that is being written: how far it is, and a way to take it out. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icons";
import { language, t } from "../words";
import { attached, hindrance } from "./attached";
import type { Attachment } from "./fitness";
import { HindranceNote } from "./HindranceNote";
import { Document, Leaf, Picture } from "./Parts";
import { sizeInWords } from "./sizes";
import { canTryAgain, takeOut, tryAgain } from "./travelling";
import "./files.css";

export function Chips(): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const all = attached.value;
  const wrong = all.findIndex((each) => stateOf(each) === "refused");
  useEffect(() => {
    // What is new or wrong is seen, however many there are.
    list.current?.children[wrong === -1 ? all.length - 1 : wrong]?.scrollIntoView({
      block: "nearest",
    });
  }, [wrong, all.length]);
  const out = (each: Attachment, index: number): void => {
    takeOut(each);
    // The focus would fall out of the page with its button.
    window.setTimeout(() => {
      const others = list.current?.querySelectorAll<HTMLElement>(".chip-out");
      const next = others?.[Math.min(index, others.length - 1)];
      (next ?? document.querySelector<HTMLElement>(".sheet textarea"))?.focus();
    });
  };
  return (
    <div class="chips">
      <ul ref={list} aria-label={t("Attached files")}>
        {all.map((each, index) => (
          <li key={each.key} class="chip" data-state={stateOf(each)}>
            <Look attachment={each} />
            {canTryAgain(each) && each.refusal !== "" && (
              <button type="button" class="quiet" onClick={() => tryAgain(each)}>
                <Icon name="retry" />
                <span class="visually-hidden">{t("Try %(name)s again", { name: each.name })}</span>
              </button>
            )}
            <button
              type="button"
              class="quiet chip-out"
              title={t("Take out")}
              aria-label={
                stateOf(each) === "travelling"
                  ? t("Stop adding %(name)s", { name: each.name })
                  : t("Take out %(name)s", { name: each.name })
              }
              onClick={() => out(each, index)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <HindranceNote hindrance={hindrance.value} />
    </div>
  );
}

type State = "travelling" | "reading" | "ready" | "refused";

function stateOf({ file, refusal }: Attachment): State {
  if (refusal !== "") {
    return "refused";
  }
  return file === null ? "travelling" : file.state;
}

function Look({ attachment }: { attachment: Attachment }): JSX.Element {
  const { name, file, refusal, progress, sizeBytes } = attachment;
  const icon = file?.kind === "image" ? "picture" : "page";
  const wrong = refusal || (file?.state === "refused" ? file.sentence : "");
  if (wrong !== "") {
    return (
      <span role="alert">
        <Leaf name={name} icon={icon} words={wrong} isMarked />
      </span>
    );
  }
  if (file === null) {
    const words = [percents.format(progress), sizeInWords(sizeBytes)];
    return (
      <>
        <Leaf name={name} icon="page" words={words.join(" · ")} />
        <progress value={progress} aria-label={name} />
      </>
    );
  }
  if (file.state === "reading") {
    return (
      <>
        <Leaf name={name} icon={icon} words={t("Is being read…")} />
        <span class="pulse" aria-hidden="true" />
      </>
    );
  }
  return file.kind === "image" ? <Picture file={file} /> : <Document file={file} />;
}

const percents = new Intl.NumberFormat(language, { style: "percent" });
