/** The composer's slash: completions while a command is typed, and doing it. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { isComposing } from "../composing";
import { refusalOf } from "../sentences";
import { choosable } from "../session";
import { details } from "../settings/chosen";
import { gapsOf } from "../settings/gaps";
import { filling } from "../settings/openings";
import { hasHistory } from "../settings/preferences";
import { isSame, loadPresets, loadTemplates, presets, templates } from "../settings/presets";
import { CompletionList, LIST } from "./CompletionList";
import { type Completion, completionsOf } from "./completions";
import { firstWords, known } from "./known";
import { isInQuotes, parse, type Typed } from "./parse";
import { recalls } from "./recall";
import { say } from "./said";

export interface Slash {
  /** True when the key was for the completions, or for something typed before. */
  hears: (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => boolean;
  /** True when the text was a command: it is not to be sent. */
  obeys: () => boolean;
  list: JSX.Element | null;
  /** For the textarea, while there is a list. */
  attributes: Record<string, string>;
}

export function useSlash(text: string, setText: (text: string) => void): Slash {
  const [active, setActive] = useState(0);
  const [hiddenFor, setHiddenFor] = useState("");
  const [recalled, setRecalled] = useState(-1);
  const isBegun = text.startsWith("/");
  useEffect(() => {
    setActive(0);
    if (!isBegun) {
      setHiddenFor("");
    } else {
      // Their names complete too; without them the commands still do.
      void (presets.peek() ?? loadPresets().catch(() => undefined));
      void (templates.peek() ?? loadTemplates().catch(() => undefined));
    }
  }, [text, isBegun]);
  const found = isBegun && hiddenFor !== text ? completions(text) : [];
  const isOpen = found.length > 0;

  const take = (completion: Completion): void => {
    setText(completion.text);
    if (completion.isWhole) {
      setHiddenFor(completion.text);
    }
  };
  const hears = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): boolean => {
    if (isComposing(event)) {
      return false;
    }
    if (isOpen) {
      return hearsInList(event, { found, active, setActive, take, hide: () => setHiddenFor(text) });
    }
    if (event.key === "Enter" && !event.shiftKey && isInQuotes(text)) {
      return true;
    }
    return hasHistory.peek() && recalls(event, { text, setText, recalled, setRecalled });
  };
  return {
    hears,
    obeys: () => obeys(text, setText),
    list: isOpen ? <CompletionList found={found} active={active} take={take} /> : null,
    attributes: isOpen
      ? {
          "aria-autocomplete": "list",
          "aria-controls": LIST,
          "aria-activedescendant": `${LIST}-${active}`,
        }
      : {},
  };
}

function completions(text: string): Completion[] {
  return completionsOf(text, {
    firstWords: firstWords(),
    commands: known(),
    templates: templates.value ?? [],
    parameters: details.value?.parameters ?? [],
    models: choosable.value.map((model) => model.name),
    presets: (presets.value ?? []).map((each) => each.name),
  });
}

interface InList {
  found: Completion[];
  active: number;
  setActive: (index: number) => void;
  take: (completion: Completion) => void;
  hide: () => void;
}

function hearsInList(
  event: TargetedKeyboardEvent<HTMLTextAreaElement>,
  { found, active, setActive, take, hide }: InList,
): boolean {
  const chosen = found[active];
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const step = event.key === "ArrowDown" ? 1 : -1;
    setActive((active + step + found.length) % found.length);
  } else if (event.key === "Tab" && !event.shiftKey && chosen !== undefined) {
    take(chosen);
  } else if (event.key === "Escape") {
    hide();
  } else if (event.key === "Enter" && !event.shiftKey && chosen !== undefined) {
    if (isTyped(chosen, event.currentTarget.value)) {
      return false;
    }
    take(chosen);
  } else {
    return false;
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}

/** Typed to its end already: Enter does it. */
function isTyped(completion: Completion, text: string): boolean {
  return completion.isWhole && isSame(completion.text, text);
}

/** False when it is a message. */
function obeys(text: string, setText: (text: string) => void): boolean {
  const typed = parse(text);
  if (typed === null) {
    return false;
  }
  void act(typed, setText);
  return true;
}

/** A template first: it may be called as a command begins. */
async function act(typed: Typed, setText: (text: string) => void): Promise<void> {
  const all = templates.peek() ?? (await loadTemplates().catch(() => []));
  const template = all.find((each) => isSame(each.name, typed.name));
  if (template !== undefined) {
    say("");
    const hasGaps = gapsOf(template.text).length > 0;
    filling.value = hasGaps ? template : null;
    setText(hasGaps ? "" : [template.text, typed.rest].filter(Boolean).join("\n\n"));
    return;
  }
  const refused = await refusalOf(
    import("./run").then(async ({ run }) => {
      if (await run(typed)) {
        setText("");
      }
    }),
  );
  if (refused !== "") {
    say(refused, { isWrong: true });
  }
}
