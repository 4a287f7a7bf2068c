/** Listens for what a device asks: told by the server the moment it comes, never asked for. */

interface News {
  sentence: string;
  is_good: boolean;
}

export function listen(line: HTMLElement): void {
  const words = line.querySelector<HTMLElement>(".words");
  const stream = new EventSource(line.dataset.arrivals ?? "");
  let hasArrived = false;
  line.hidden = false;
  stream.addEventListener("message", (event) => {
    const news = newsIn(event.data);
    if (news === null || words === null) {
      return;
    }
    const first = hasArrived ? "" : `${line.dataset.arrived} `;
    hasArrived = true;
    line.dataset.state = news.is_good ? "good" : "bad";
    words.textContent = first + news.sentence;
  });
  stream.addEventListener("error", () => {
    // While it is connecting again the browser does so by itself; closed, the session has ended.
    if (stream.readyState === EventSource.CLOSED && words !== null) {
      words.textContent = line.dataset.lost ?? "";
    }
  });
  window.addEventListener("pagehide", () => stream.close());
}

function newsIn(data: unknown): News | null {
  try {
    const read: unknown = JSON.parse(String(data));
    return isNews(read) ? read : null;
  } catch {
    return null;
  }
}

function isNews(value: unknown): value is News {
  return (
    typeof value === "object" &&
    value !== null &&
    "sentence" in value &&
    typeof value.sentence === "string" &&
    "is_good" in value &&
    typeof value.is_good === "boolean"
  );
}
