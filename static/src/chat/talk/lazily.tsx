/** A component that is fetched when it is first shown. Until it is there: nothing. */

import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { refusal } from "../sending";
import { sentenceOf } from "../sentences";

export function lazily<P extends object>(
  load: () => Promise<ComponentType<P>>,
): (props: P) => JSX.Element | null {
  let known: ComponentType<P> | null = null;
  return function Lazily(props: P): JSX.Element | null {
    const [Loaded, setLoaded] = useState(() => known);
    useEffect(() => {
      if (Loaded === null) {
        load()
          .then((part) => {
            known = part;
            setLoaded(() => part);
          })
          .catch((error: unknown) => {
            refusal.value = sentenceOf(error);
          });
      }
    }, []);
    return Loaded === null ? null : <Loaded {...props} />;
  };
}
