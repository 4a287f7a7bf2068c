/** The page that sends files: chosen here, resumed after a reload, paused and dropped by its buttons. */

import { named } from "./lines";
import { Pace } from "./pace";
import { ask, Refusal, refusalOf, send } from "./tus";

interface Sent {
  name: string;
  size: number;
  offset: number;
  address: string;
}

interface Upload {
  id: string;
  name: string;
  address: string;
  files: Sent[];
}

type State = "waiting" | "sending" | "paused" | "away" | "refused";

export function uploading(form: HTMLFormElement): void {
  const page = new Page(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void page.begin();
  });
  void page.recall();
}

class Page {
  private readonly address: string;
  private readonly token: string;
  private readonly words: Record<string, string>;
  private readonly pace: Pace;
  private readonly list = named(document, "uploads");
  /** What was chosen since the page was opened; a reload forgets it, as browsers must. */
  private readonly chosen = new Map<string, Map<string, File>>();
  private readonly running = new Map<string, AbortController>();

  constructor(private readonly form: HTMLFormElement) {
    this.address = form.dataset.upload ?? "";
    this.token = named<HTMLInputElement>(form, "token").value;
    this.words = JSON.parse(document.getElementById("upload-words")?.textContent ?? "{}");
    this.pace = new Pace(this.words);
  }

  /** What she had begun before this page was opened. */
  async recall(): Promise<void> {
    const reply = await ask(this.address, { token: this.token }).catch(() => null);
    if (reply?.ok) {
      const { uploads } = (await reply.json()) as { uploads: Upload[] };
      for (const upload of uploads) {
        const isWhole = upload.files.every((file) => file.offset === file.size);
        this.show(upload, "waiting", isWhole ? this.words.whole : this.words.choose);
      }
    }
  }

  async begin(): Promise<void> {
    const files = chosenIn(this.form);
    this.refused("");
    try {
      const reply = await ask(this.address, {
        method: "POST",
        token: this.token,
        body: JSON.stringify({
          name: named<HTMLInputElement>(this.form, "model").value,
          sha256: named<HTMLInputElement>(this.form, "sha256").value,
          files: Object.fromEntries([...files].map(([name, file]) => [name, file.size])),
        }),
        headers: { "Content-Type": "application/json" },
      });
      if (!reply.ok) {
        throw await refusalOf(reply);
      }
      const upload = (await reply.json()) as Upload;
      this.chosen.set(upload.id, files);
      this.form.reset();
      await this.go(upload);
    } catch (error) {
      this.refused(error instanceof Refusal ? error.message : (this.words.away ?? ""));
    }
  }

  private async go(upload: Upload): Promise<void> {
    const files = this.chosen.get(upload.id);
    if (this.running.has(upload.id)) {
      return;
    }
    const ending = new AbortController();
    this.running.set(upload.id, ending);
    this.show(upload, "sending");
    try {
      for (const sent of upload.files.filter((file) => file.offset < file.size)) {
        await send({
          address: sent.address,
          file: files?.get(sent.name) ?? refuse(this.words.choose),
          token: this.token,
          signal: ending.signal,
          told: (offset) => {
            sent.offset = offset;
            this.show(upload, "sending");
          },
          away: (isAway) =>
            isAway ? this.show(upload, "away", this.words.away) : this.show(upload, "sending"),
        });
      }
      const reply = await ask(upload.address, { method: "POST", token: this.token });
      // 404: the job was quicker than we and has made a model of it.
      if (!reply.ok && reply.status !== 404) {
        throw await refusalOf(reply);
      }
      window.location.assign(this.form.dataset.jobsPage ?? "");
    } catch (error) {
      this.stopped(upload, error, ending.signal);
    } finally {
      this.running.delete(upload.id);
    }
  }

  private stopped(upload: Upload, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) {
      this.show(upload, "paused", this.words.paused);
    } else {
      const sentence = error instanceof Refusal ? error.message : this.words.away;
      this.show(upload, "refused", sentence);
    }
  }

  private async drop(upload: Upload): Promise<void> {
    this.running.get(upload.id)?.abort();
    const reply = await ask(upload.address, { method: "DELETE", token: this.token }).catch(
      () => null,
    );
    if (reply?.ok || reply?.status === 404) {
      document.getElementById(`upload-${upload.id}`)?.remove();
    } else {
      const refusal = reply ? await refusalOf(reply) : null;
      this.show(upload, "refused", refusal?.message ?? this.words.away);
    }
  }

  private show(upload: Upload, state: State, sentence = ""): void {
    const item = document.getElementById(`upload-${upload.id}`) ?? this.newItem(upload);
    const total = upload.files.reduce((sum, file) => sum + file.size, 0);
    const completed = upload.files.reduce((sum, file) => sum + file.offset, 0);
    const isSending = state === "sending" || state === "away";
    const canGo = this.chosen.has(upload.id) || completed === total;
    item.dataset.state = state;
    named(item, "sentence").textContent = sentence;
    named(item, "sizes").textContent = this.sizes(completed, total);
    named(item, "rate").textContent = isSending
      ? this.pace.of({ id: upload.id, completed, total })
      : "";
    const bar = named<HTMLProgressElement>(item, "bar");
    bar.max = total;
    bar.value = completed;
    named(item, "pause").hidden = !isSending;
    named(item, "go").hidden = isSending || !canGo;
  }

  private newItem(upload: Upload): HTMLElement {
    const template = named<HTMLTemplateElement>(document, "upload-template");
    const copy = template.content.cloneNode(true) as DocumentFragment;
    const item = copy.firstElementChild as HTMLElement;
    item.id = `upload-${upload.id}`;
    named(item, "name").textContent = upload.name;
    named(item, "bar").setAttribute("aria-label", upload.name);
    const acts: [string, () => void][] = [
      ["pause", () => this.running.get(upload.id)?.abort()],
      ["go", () => void this.go(upload)],
      ["drop", () => void this.drop(upload)],
    ];
    for (const [name, act] of acts) {
      const button = named(item, name);
      button.setAttribute("aria-label", `${button.textContent?.trim()} ${upload.name}`);
      button.addEventListener("click", act);
    }
    this.list.append(item);
    return item;
  }

  private sizes(completed: number, total: number): string {
    const percent = total === 0 ? 0 : Math.floor((completed * 100) / total);
    return `${percent} %`;
  }

  private refused(sentence: string): void {
    named(this.form, "refused").textContent = sentence;
  }
}

/** By the name the server will know them by: within a folder, without the folder's own name. */
function chosenIn(form: HTMLFormElement): Map<string, File> {
  const files = new Map<string, File>();
  for (const input of form.querySelectorAll<HTMLInputElement>("input[type=file]")) {
    for (const file of input.files ?? []) {
      const path = file.webkitRelativePath;
      const name = path === "" ? file.name : path.slice(path.indexOf("/") + 1);
      // What belongs to versions and editors is no part of a model.
      if (!name.startsWith(".") && !name.includes("/.")) {
        files.set(name, file);
      }
    }
  }
  return files;
}

function refuse(sentence: string | undefined): never {
  throw new Refusal(sentence ?? "");
}
