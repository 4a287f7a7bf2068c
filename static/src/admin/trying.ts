/** The box that sends a prompt down the real road and shows the answer as it is written. */

import { answered, type Line, named, rowOf } from "./lines";

export function trying(form: HTMLFormElement): void {
  const result = named<HTMLElement>(document, "try-result");
  const stop = named<HTMLButtonElement>(form, "stop");
  const send = named<HTMLButtonElement>(form, "send");
  let leaving: AbortController | null = null;

  const say = (line: Line): void => {
    if (line.is === "said") {
      named(result, "refusal").textContent = "";
      named(result, "thinking").textContent += line.thinking ?? "";
      named(result, "answer").textContent += line.text ?? "";
    } else if (line.is === "refused" || line.is === "waiting") {
      named(result, "refusal").textContent = line.sentence ?? "";
    } else if (line.is === "done") {
      named(result, "refusal").textContent = "";
      named(result, "statistics").hidden = false;
      named(result, "rows").replaceChildren(...(line.statistics ?? []).map(rowOf));
    }
  };
  const begin = (): AbortController => {
    for (const name of ["thinking", "answer", "refusal"]) {
      named(result, name).textContent = "";
    }
    named(result, "statistics").hidden = true;
    result.hidden = false;
    result.setAttribute("aria-busy", "true");
    return new AbortController();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (leaving !== null) {
      return;
    }
    leaving = begin();
    send.disabled = true;
    stop.hidden = false;
    try {
      for await (const line of answered(form, { signal: leaving.signal })) {
        say(line);
      }
    } catch {
      if (!leaving.signal.aborted) {
        named(result, "refusal").textContent = form.dataset.away ?? "";
      }
    }
    leaving = null;
    send.disabled = false;
    stop.hidden = true;
    result.setAttribute("aria-busy", "false");
  });
  stop.addEventListener("click", () => {
    leaving?.abort();
    send.focus();
  });
}
