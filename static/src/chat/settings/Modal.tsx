/** A dialog over the page: a sheet at its side, a box in its middle, or as wide as what it shows. Escape closes it. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "../icons";
import { t } from "../words";
import "./settings.css";

interface Props {
  title: string;
  shape: "side" | "box" | "wide";
  /** What the keyboard is in at first; else the button that closes. */
  focus?: string;
  close: () => void;
  children: ComponentChildren;
}

export function Modal({ title, shape, focus, close, children }: Props): JSX.Element {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    box.current?.showModal();
    if (focus !== undefined) {
      box.current?.querySelector<HTMLElement>(focus)?.focus();
    }
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape and the button do the same
    <dialog
      ref={box}
      class={`modal modal-${shape}`}
      aria-labelledby={id}
      onClose={close}
      onClick={(event) => {
        if (event.target === event.currentTarget) {
          event.currentTarget.close();
        }
      }}
    >
      <div class="modal-inside">
        <header class="modal-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet" onClick={() => box.current?.close()}>
            <Icon name="close" />
            <span class="visually-hidden">{t("Close")}</span>
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
