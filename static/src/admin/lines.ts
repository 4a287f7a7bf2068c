/** Sends a form and reads what comes back line by line, each a JSON object of the server's. */

export interface Line {
  is: string;
  text?: string;
  thinking?: string;
  sentence?: string;
  row?: string[];
  statistics?: string[][];
}

export async function* answered(
  form: HTMLFormElement,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<Line> {
  const reply = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    credentials: "same-origin",
    signal,
  });
  if (!reply.ok || reply.body === null) {
    throw new Error(String(reply.status));
  }
  yield* linesOf(reply.body);
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const parts = (rest + (done ? "\n" : value)).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts.filter((each) => each.trim() !== "")) {
      yield JSON.parse(part) as Line;
    }
    if (done) {
      return;
    }
  }
}

/** A row of a table, from its cells: the first one is what the row is about. */
export function rowOf(cells: string[]): HTMLTableRowElement {
  const row = document.createElement("tr");
  cells.forEach((words, at) => {
    const cell = document.createElement(at === 0 ? "th" : "td");
    if (at === 0) {
      cell.setAttribute("scope", "row");
    }
    cell.textContent = words;
    row.append(cell);
  });
  return row;
}

/** The one element of this name inside `part`: the template promises that it is there. */
export function named<T extends HTMLElement>(part: ParentNode, name: string): T {
  const found = part.querySelector<T>(`[data-${name}]`);
  if (found === null) {
    throw new Error(`the page lacks ${name}`);
  }
  return found;
}
