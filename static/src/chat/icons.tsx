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
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  before: "M14 6l-6 6 6 6",
  after: "M10 6l6 6-6 6",
  good: "M7 11v9H4v-9zM7 11l4-7c1.5 0 2.4 1 2.1 2.5L12.4 10H18.5a1.7 1.7 0 0 1 1.7 2l-1.2 6.3A2 2 0 0 1 17 20H7",
  bad: "M17 13V4h3v9zM17 13l-4 7c-1.5 0-2.4-1-2.1-2.5l.7-3.5H5.5a1.7 1.7 0 0 1-1.7-2L5 5.7A2 2 0 0 1 7 4h10",
  chart: "M5 20v-8M12 20V5M19 20v-5",
  text: "M5 7h14M5 12h14M5 17h8",
  search: "M11 5a6 6 0 1 0 0 12a6 6 0 0 0 0-12M15.5 15.5L20 20",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  folder: "M4 7h5l2 2h9v10H4z",
  archive: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
  clip: "M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.4 3.4 0 0 1 4.8 4.8L10 17a1.7 1.7 0 0 1-2.4-2.4L15 7.2",
  page: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  picture: "M4 5h16v14H4zM4 16l5-5 5 5M13 15l2.5-2.5L20 17M15.5 9h.01",
  share: "M12 15V4M8 8l4-4 4 4M6 12v8h12v-8",
  export: "M12 4v11M8 11l4 4 4-4M5 20h14",
  print: "M7 9V4h10v5M7 17H4v-8h16v8h-3M7 14h10v6H7z",
  import: "M12 15V4M8 8l4-4 4 4M5 20h14",
  temporary: "M12 4a8 8 0 1 0 8 8M12 8v4l3 2M15 4.6l.01 0M18 6.8l.01 0M19.6 9.6l.01 0",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
