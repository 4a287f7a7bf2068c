/** A line to write a name in: Enter or leaving it takes the name, Escape leaves everything as it was. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isComposing } from "../composing";

interface Props {
  label: string;
  name: string;
  maxLength: number;
  /** Called once; "" when nothing is to change. */
  done: (name: string) => void;
}

export function NameBox({ label, name, maxLength, done }: Props): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  // What she is about to write over stays as it was, whatever comes from other tabs meanwhile.
  const before = useRef(name);
  useEffect(() => input.current?.select(), []);
  const finish = (wanted: string): void => {
    // Enter also takes the focus away; once is enough.
    if (!isDone.current) {
      isDone.current = true;
      done(wanted.trim());
    }
  };
  return (
    <input
      ref={input}
      class="rename"
      aria-label={label}
      maxLength={maxLength}
      dir="auto"
      defaultValue={before.current}
      onBlur={(event) => finish(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (isComposing(event)) {
          return;
        }
        if (event.key === "Enter") {
          finish(event.currentTarget.value);
        } else if (event.key === "Escape") {
          event.stopPropagation();
          finish("");
        }
      }}
    />
  );
}
