/** A small menu behind a button: three dots, or another drawing. */

import type { JSX, TargetedFocusEvent, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

const MARGIN_PX = 8;
const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

export interface Item {
  words: string;
  icon: IconName;
  act: () => void;
  isDangerous?: boolean;
}

interface Props {
  label: string;
  items: Item[];
  icon?: IconName;
  isDisabled?: boolean;
}

export function Menu({ label, items, icon = "more", isDisabled = false }: Props): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <div class="menu">
      <button
        ref={button}
        type="button"
        class="quiet menu-button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-label={label}
        title={label}
        disabled={isDisabled}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <MenuItems
          items={items}
          close={(isFocused) => {
            setOpen(false);
            if (isFocused) {
              button.current?.focus();
            }
          }}
        />
      )}
    </div>
  );
}

function MenuItems({ items, close }: { items: Item[]; close: (isFocused: boolean) => void }) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    place(list.current);
    list.current?.querySelector("button")?.focus();
  }, []);

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const index = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = STEPS[event.key];
    if (step !== undefined) {
      event.preventDefault();
      buttons.at((index + step) % buttons.length)?.focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      close(true);
    }
  };
  const onFocusOut = (event: TargetedFocusEvent<HTMLDivElement>): void => {
    if (!list.current?.contains(event.relatedTarget as Node | null)) {
      close(false);
    }
  };

  return (
    <div
      ref={list}
      class="popup"
      role="menu"
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onFocusOut={onFocusOut}
    >
      {items.map((item) => (
        <button
          key={item.words}
          type="button"
          role="menuitem"
          class={item.isDangerous ? "dangerous" : ""}
          onClick={() => {
            close(true);
            item.act();
          }}
        >
          <Icon name={item.icon} />
          {item.words}
        </button>
      ))}
    </div>
  );
}

/** Below its button, or above where there is no room, or over it. Fixed, since the list around it scrolls. */
function place(popup: HTMLElement | null): void {
  const button = popup?.parentElement?.getBoundingClientRect();
  if (popup === null || button === undefined) {
    return;
  }
  const below = button.bottom + popup.offsetHeight + MARGIN_PX < window.innerHeight;
  const top = below ? button.bottom : button.top - popup.offsetHeight;
  const left = Math.min(button.left, window.innerWidth - popup.offsetWidth - MARGIN_PX);
  popup.style.top = `${Math.max(MARGIN_PX, top)}px`;
  popup.style.left = `${Math.max(MARGIN_PX, left)}px`;
}
