/** The few drawings of the page, as strokes in the colour of the text around them. */

import type { JSX } from "preact";

const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h10",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  close: "M6 6l12 12M18 6L6 18",
  down: "M12 5v14M6 13l6 6 6-6",
  chevron: "M7 10l5 5 5-5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  retry: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4.5h4.5",
  go: "M6 5l6 7-6 7M13 5l6 7-6 7",
  pencil: "M4 20h4L19 9l-4-4L4 16z",
  bin: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  before: "M14 6l-6 6 6 6",
  after: "M10 6l6 6-6 6",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
