/** Files that are dropped on the page or pasted into it, wherever on it that happens. */

import { useEffect, useState } from "preact/hooks";
import { refusal } from "../sending";
import { t } from "../words";
import { isOnlyFiles } from "./fitness";
import { attach } from "./travelling";

/** True while files are held over the page. */
export function useCatching(canTake: boolean): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const ending = new AbortController();
    const listen = <K extends keyof DocumentEventMap>(
      name: K,
      act: (event: DocumentEventMap[K]) => void,
    ): void => document.addEventListener(name, act, { signal: ending.signal });
    const isTaken = (event: DragEvent): boolean => canTake && !isForAnother(event.target);
    const over = (event: DragEvent): void => {
      if (!holdsFiles(event) || isFileInput(event.target)) {
        return;
      }
      // Without this the browser leaves the page and shows the file.
      event.preventDefault();
      if (event.dataTransfer !== null) {
        event.dataTransfer.dropEffect = isTaken(event) ? "copy" : "none";
      }
      setOver(isTaken(event));
    };
    listen("dragenter", over);
    listen("dragover", over);
    listen("dragleave", (event) => {
      // Elsewhere on the page is no leaving.
      if (event.relatedTarget === null) {
        setOver(false);
      }
    });
    listen("drop", (event) => {
      setOver(false);
      if (holdsFiles(event) && !isFileInput(event.target)) {
        event.preventDefault();
        if (isTaken(event)) {
          takeDropped(event.dataTransfer);
        }
      }
    });
    listen("paste", (event) => {
      if (canTake && !isForAnother(event.target)) {
        takePasted(event);
      }
    });
    return () => ending.abort();
  }, [canTake]);
  return isOver && canTake;
}

function holdsFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") === true;
}

function isFileInput(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type === "file";
}

/** Another box is written in, or a dialog lies over the page. */
function isForAnother(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]") !== null) {
    return true;
  }
  const box = target instanceof Element ? target.closest("input, textarea, select") : null;
  return box !== null && box.closest(".sheet") === null;
}

function takeDropped(dropped: DataTransfer | null): void {
  const items = [...(dropped?.items ?? [])].filter((item) => item.kind === "file");
  const isFolder = items.map((item) => item.webkitGetAsEntry?.()?.isDirectory === true);
  const files = [...(dropped?.files ?? [])].filter((_, index) => isFolder[index] !== true);
  if (files.length > 0) {
    attach(files);
  }
  if (isFolder.includes(true)) {
    refusal.value = t("A folder cannot be attached. Open it and choose the files in it.");
  }
  document.querySelector<HTMLElement>(".sheet textarea")?.focus();
}

function takePasted(event: ClipboardEvent): void {
  const files = [...(event.clipboardData?.files ?? [])];
  const text = event.clipboardData?.getData("text/plain") ?? "";
  const names = files.map((file) => file.name);
  if (files.length > 0 && isOnlyFiles(text, names)) {
    event.preventDefault();
    attach(files.map(named));
  }
}

/** Browsers call every copied picture the same. */
function named(file: File, index: number): File {
  const ending = /^image\.(\w+)$/.exec(file.name)?.[1];
  if (ending === undefined) {
    return file;
  }
  const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
  const number = index === 0 ? "" : ` (${index + 1})`;
  const called = t("Pasted picture");
  const name = `${called} ${time}${number}.${ending}`;
  return new File([file], name, { type: file.type });
}
