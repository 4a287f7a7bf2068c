/** The list of what comes in: read again once a second while somebody looks, the same after a reload. */

import { named } from "./lines";
import { Pace } from "./pace";

const EVERY_MS = 1_000;
const RESTING_MS = 5_000;

interface Layer {
  digest: string;
  total: number;
  completed: number;
  size: string;
}

interface Row {
  id: string;
  what: string;
  name: string;
  state: string;
  state_word: string;
  step: string;
  sentence: string;
  completed: number;
  total: number;
  sizes: string;
  layers: Layer[];
  can_cancel: boolean;
  can_resume: boolean;
  resume_word: string;
  address: string;
}

export function follow(list: HTMLElement): void {
  const words = JSON.parse(document.getElementById("job-words")?.textContent ?? "{}");
  const pace = new Pace(words);
  const away = named<HTMLElement>(document, "away");

  const look = async (): Promise<void> => {
    let wait = RESTING_MS;
    if (!document.hidden) {
      try {
        const reply = await fetch(list.dataset.jobs ?? "", { credentials: "same-origin" });
        if (!reply.ok) {
          throw new Error(String(reply.status));
        }
        const { rows } = (await reply.json()) as { rows: Row[] };
        show(list, rows, pace);
        away.textContent = "";
        wait = rows.some((row) => row.can_cancel) ? EVERY_MS : RESTING_MS;
      } catch {
        away.textContent = words.away ?? "";
      }
    }
    window.setTimeout(look, wait);
  };
  document.addEventListener("visibilitychange", () => pace.forget());
  window.setTimeout(look, 0);
}

/** Rows keep their elements, so that nobody loses the button under her finger. */
function show(list: HTMLElement, rows: Row[], pace: Pace): void {
  named(document, "none").hidden = rows.length > 0;
  const items = rows.map((row) => {
    const known = document.getElementById(`job-${row.id}`);
    const item = known ?? newItem(row.id);
    fill(item, row, pace);
    return item;
  });
  const isSame =
    items.length === list.children.length && items.every((item, at) => item === list.children[at]);
  if (!isSame) {
    list.replaceChildren(...items);
  }
}

function newItem(id: string): HTMLElement {
  const template = named<HTMLTemplateElement>(document, "job-template");
  const item = (template.content.cloneNode(true) as DocumentFragment)
    .firstElementChild as HTMLElement;
  item.id = `job-${id}`;
  for (const field of item.querySelectorAll<HTMLInputElement>("input[name=job]")) {
    field.value = id;
  }
  return item;
}

function fill(item: HTMLElement, row: Row, pace: Pace): void {
  const put = (name: string, words: string): void => {
    const part = named(item, name);
    if (part.textContent !== words) {
      part.textContent = words;
    }
    part.hidden = words === "";
  };
  item.dataset.state = row.state;
  put("what", row.what);
  put("name", row.name);
  put("state-word", row.state_word);
  put("step", row.step);
  put("sentence", row.sentence);
  put("sizes", row.sizes);
  put("rate", row.can_cancel ? pace.of(row) : "");
  bar(named<HTMLProgressElement>(item, "bar"), row, row.name);
  named(item, "bar").hidden = !(row.can_cancel || (row.can_resume && row.total > 0));
  named(item, "cancel").hidden = !row.can_cancel;
  named(item, "resume").hidden = !row.can_resume;
  put("resume-word", row.resume_word);
  const link = named<HTMLAnchorElement>(item, "open");
  link.hidden = row.address === "";
  link.href = row.address || "#";
  for (const button of item.querySelectorAll("button, a[data-open]")) {
    button.setAttribute("aria-label", `${button.textContent?.trim()} ${row.name}`);
  }
  layers(item, row.layers);
}

function layers(item: HTMLElement, rows: Layer[]): void {
  named(item, "layers").hidden = rows.length < 2;
  const list = named(item, "layer-list");
  while (list.children.length > rows.length) {
    list.lastElementChild?.remove();
  }
  rows.forEach((layer, at) => {
    let line = list.children[at];
    if (line === undefined) {
      line = document.createElement("li");
      line.append(
        document.createElement("code"),
        document.createElement("progress"),
        document.createElement("span"),
      );
      list.append(line);
    }
    const [digest, progress, size] = line.children;
    (digest as HTMLElement).textContent = layer.digest;
    (size as HTMLElement).textContent = layer.size;
    bar(progress as HTMLProgressElement, layer, layer.digest);
  });
}

function bar(
  progress: HTMLProgressElement,
  { completed, total }: { completed: number; total: number },
  name: string,
): void {
  progress.setAttribute("aria-label", name);
  if (total === 0) {
    progress.removeAttribute("value");
    return;
  }
  progress.max = total;
  progress.value = completed;
}
