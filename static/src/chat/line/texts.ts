/** Pure: frames as they stand in the body of a request, and in server-sent events. */

/** What gathered while the last request was away goes together, within the server's bounds. */
const MOST_FRAMES = 32;
const MOST_CHARS = 200_000;

/** Takes the next of them out: at least one, as many as fit. */
export function nextOf(waiting: string[]): string[] {
  let count = 0;
  let chars = 0;
  for (const text of waiting.slice(0, MOST_FRAMES)) {
    chars += text.length;
    if (count > 0 && chars > MOST_CHARS) {
      break;
    }
    count += 1;
  }
  return waiting.splice(0, count);
}

export function fieldsOf(event: string): { name: string; data: string } {
  let name = "";
  const data: string[] = [];
  for (const line of event.split("\n")) {
    if (line.startsWith("event: ")) {
      name = line.slice("event: ".length);
    } else if (line.startsWith("data: ")) {
      data.push(line.slice("data: ".length));
    }
  }
  return { name, data: data.join("\n") };
}
