/** A document of an answer, shown beside the chat: in an isolated frame, with its versions. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../icons";
import { Tool } from "../talk/Tool";
import { t } from "../words";
import type { Drawing } from "./diagrams";
import { documentOf, save } from "./documents";
import { pictureOf } from "./drawing";
import { isolatedFrame } from "./isolated";
import type { Kind } from "./kinds";
import { closePreview, turnTo, visible } from "./previewed";
import { versions } from "./versions";
import "./preview.css";

const NAMES: Record<Kind, string> = {
  html: "HTML",
  svg: "SVG",
  mermaid: "Mermaid",
  markdown: "Markdown",
};

export function PreviewPane(): JSX.Element | null {
  const pane = useRef<HTMLElement>(null);
  const now = visible.value;
  useEffect(() => pane.current?.focus(), [now === null]);
  if (now === null) {
    return null;
  }
  const all = versions.value;
  const index = Math.max(0, all.lastIndexOf(now.text));
  return (
    <aside
      ref={pane}
      class="preview"
      tabIndex={-1}
      aria-label={t("Preview")}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          closePreview();
        }
      }}
    >
      <header class="preview-head">
        <h2>{t("Preview: %(kind)s", { kind: NAMES[now.kind] })}</h2>
        {all.length > 1 && <Versions all={all} index={index} />}
        <Tool
          words={t("Download")}
          icon="export"
          act={() => void download(now.kind, index + 1, now.text)}
        />
        <button type="button" class="quiet tool" title={t("Close")} onClick={closePreview}>
          <Icon name="close" />
          <span class="visually-hidden">{t("Close the preview")}</span>
        </button>
      </header>
      {now.kind === "mermaid" ? <Diagram source={now.text} /> : <Framed {...now} />}
    </aside>
  );
}

function Versions({ all, index }: { all: readonly string[]; index: number }): JSX.Element {
  const to = (next: number): void => {
    const text = all[next];
    if (text !== undefined) {
      turnTo(text);
    }
  };
  return (
    <>
      <Tool
        words={t("Earlier version")}
        icon="before"
        isDisabled={index === 0}
        act={() => to(index - 1)}
      />
      <span role="status">
        {t("%(number)s of %(count)s", { number: index + 1, count: all.length })}
      </span>
      <Tool
        words={t("Later version")}
        icon="after"
        isDisabled={index === all.length - 1}
        act={() => to(index + 1)}
      />
    </>
  );
}

function Framed({ kind, text }: { kind: Kind; text: string }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const shown = documentOf(kind, text);
    const frame = isolatedFrame(shown.isolation, shown.text);
    frame.title = t("Preview");
    place.current?.replaceChildren(frame);
  }, [kind, text]);
  return <div class="preview-body" ref={place} />;
}

function Diagram({ source }: { source: string }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const [isFailed, setFailed] = useState(false);
  useEffect(() => {
    let isWanted = true;
    void drawn(source).then((drawing) => {
      if (isWanted) {
        setFailed(drawing === null);
        place.current?.replaceChildren(...(drawing === null ? [] : [pictureOf(drawing)]));
      }
    });
    return () => {
      isWanted = false;
    };
  }, [source]);
  return (
    <>
      {isFailed && (
        <p class="diagram-note" role="status">
          {t("This diagram cannot be drawn, so you see its source.")}
        </p>
      )}
      <div class="preview-body diagram" ref={place} />
      {isFailed && <pre class="preview-source">{source}</pre>}
    </>
  );
}

async function drawn(source: string): Promise<Drawing | null> {
  try {
    return await (await import("./diagrams")).draw(source);
  } catch {
    return null;
  }
}

async function download(kind: Kind, version: number, text: string): Promise<void> {
  const drawing = kind === "mermaid" ? await drawn(text) : null;
  if (kind !== "mermaid" || drawing !== null) {
    save(kind, version, drawing?.svg ?? text);
  }
}
