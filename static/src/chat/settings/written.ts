/** What is being written in a field. Nothing that arrives meanwhile takes it away, nor does closing. */

import { useEffect, useRef, useState } from "preact/hooks";

type Area = HTMLInputElement | HTMLTextAreaElement;

interface Written {
  value: string;
  onInput: (event: { currentTarget: Area }) => void;
  onChange: (event: { currentTarget: Area }) => void;
}

/** `save` says whether it was taken; what was not stays in the field, to be mended. */
export function useWritten(stored: string, save: (text: string) => Promise<boolean>): Written {
  const [draft, setDraft] = useState<string | null>(null);
  const unsaved = useRef<(() => void) | null>(null);
  const keep = async (text: string): Promise<void> => {
    unsaved.current = null;
    if (await save(text)) {
      setDraft((now) => (now === text ? null : now));
    }
  };
  useEffect(() => () => unsaved.current?.(), []);
  return {
    value: draft ?? stored,
    onInput: ({ currentTarget: { value } }) => {
      setDraft(value);
      unsaved.current = () => void save(value);
    },
    onChange: ({ currentTarget: { value } }) => void keep(value),
  };
}
