/** Which model answers next. A button with a list below it, for mouse, touch and keyboard. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import { offered, pickedModel, pickModel } from "./session";
import { look, inWords as standingInWords, standingOf } from "./settings/standings";
import { t } from "./words";

export function ModelPicker(): JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const picked = pickedModel.value;
  if (picked === null) {
    return <span class="picker" />;
  }
  const close = (hasPicked: boolean): void => {
    setOpen(false);
    if (hasPicked) {
      button.current?.focus();
    }
  };
  return (
    <div class="picker">
      <button
        ref={button}
        type="button"
        class="quiet picker-button"
        aria-haspopup="listbox"
        aria-expanded={isOpen}
        aria-label={t("Model: %(name)s", { name: picked.label || picked.name })}
        onClick={() => setOpen(!isOpen)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setOpen(true);
          }
        }}
      >
        <bdi>{picked.label || picked.name}</bdi>
        <Icon name="chevron" />
      </button>
      {isOpen && <Choices picked={picked.name} close={close} />}
    </div>
  );
}

interface ChoicesProps {
  picked: string;
  close: (hasPicked: boolean) => void;
}

function Choices({ picked, close }: ChoicesProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const all = offered.value;
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      all.findIndex((model) => model.name === picked),
    ),
  );
  useEffect(() => {
    list.current?.focus();
    // Not told, the list is as good: it only does not say what is in memory.
    look().catch(() => undefined);
  }, []);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const pick = (index: number): void => {
    const model = all[index];
    if (model?.is_checking) {
      return;
    }
    if (model !== undefined) {
      pickModel(model.name);
    }
    close(true);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const moves: Record<string, number> = {
      ArrowDown: Math.min(active + 1, all.length - 1),
      ArrowUp: Math.max(active - 1, 0),
      Home: 0,
      End: all.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      setActive(to);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pick(active);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      close(true);
    } else if (event.key.length === 1) {
      const found = all.findIndex((model) =>
        (model.label || model.name).toLowerCase().startsWith(event.key.toLowerCase()),
      );
      setActive(found === -1 ? active : found);
    }
  };

  return (
    <div
      ref={list}
      class="popup choices"
      role="listbox"
      tabIndex={0}
      aria-label={t("Models")}
      aria-activedescendant={`model-${active}`}
      onKeyDown={onKeyDown}
      onBlur={() => close(false)}
    >
      {all.map((model, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list itself hears the keys
        // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the list, as listboxes do
        <div
          key={model.name}
          id={`model-${index}`}
          role="option"
          class={index === active ? "active" : ""}
          aria-selected={model.name === picked}
          aria-disabled={model.is_checking}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => pick(index)}
          onMouseMove={() => setActive(index)}
        >
          <span class="choice-words">
            <bdi>{model.label || model.name}</bdi>
            <small>
              {model.is_checking ? t("being checked") : <bdi>{model.stands_for || model.name}</bdi>}
            </small>
            <Standing name={model.name} />
          </span>
          {model.name === picked && <Icon name="check" />}
        </div>
      ))}
    </div>
  );
}

/** Whether it is in memory, and what it will take. */
function Standing({ name }: { name: string }): JSX.Element | null {
  const standing = standingOf(name);
  const words = standingInWords(standing);
  return words === "" ? null : (
    <small class="standing" data-standing={standing?.state}>
      {words}
    </small>
  );
}
