/** A field with its name, and what it is for: told apart for those who hear the page. */

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface Props {
  name: string;
  about?: string;
  children: (attributes: { id: string; "aria-describedby"?: string }) => ComponentChildren;
}

export function Field({ name, about = "", children }: Props): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label class="field-name" for={id}>
        {name}
      </label>
      {about !== "" && <small id={`${id}-about`}>{about}</small>}
      {children(about === "" ? { id } : { id, "aria-describedby": `${id}-about` })}
    </div>
  );
}
