/**
 * Draws diagrams with Mermaid inside an isolated frame. What comes back is shown as an image only:
 * whatever a diagram does to Mermaid, it has no script, no link and no network in the page.
 */

import scriptAddress from "mermaid/dist/mermaid.min.js?url";
import { isolatedFrame } from "./isolated";

export interface Drawing {
  /** Of an image that lies in this tab. */
  address: string;
  svg: string;
  widthPx: number;
  heightPx: number;
}

const MAX_SOURCE_CHARS = 20_000;
const MAX_SVG_CHARS = 2_000_000;
const LONGEST_MS = 15_000;
const KEPT = 60;

const DRIVER = `<!doctype html><html><head><meta charset="utf-8"></head><body><script>
addEventListener("message", async ({ source, data }) => {
  if (source !== parent) return;
  if (typeof data.script === "string") {
    const script = document.createElement("script");
    script.textContent = data.script;
    document.head.append(script);
    mermaid.initialize({
      startOnLoad: false, securityLevel: "strict", theme: "neutral", htmlLabels: false,
      flowchart: { htmlLabels: false }, maxTextSize: ${MAX_SOURCE_CHARS}, maxEdges: 500,
      fontFamily: "system-ui, sans-serif", suppressErrorRendering: true,
    });
    parent.postMessage({ id: 0, svg: "" }, "*");
    return;
  }
  try {
    const { svg } = await mermaid.render("diagram" + data.id, data.source);
    const drawn = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    parent.postMessage({ id: data.id, svg: new XMLSerializer().serializeToString(drawn) }, "*");
  } catch {
    parent.postMessage({ id: data.id, svg: "" }, "*");
  }
});
parent.postMessage({ id: -1, svg: "" }, "*");
</script></body></html>`;

class Drawer {
  private readonly frame = isolatedFrame("live", DRIVER);
  private readonly asked = new Map<number, (svg: string) => void>();
  private newest = 0;
  readonly ready: Promise<void>;

  constructor() {
    window.addEventListener("message", this.take);
    this.ready = this.begin();
    this.frame.className = "drawer-frame";
    this.frame.title = "";
    this.frame.tabIndex = -1;
    this.frame.setAttribute("aria-hidden", "true");
    document.body.append(this.frame);
  }

  private async begin(): Promise<void> {
    const [script] = await Promise.all([scriptText(), this.answer(-1)]);
    const isLoaded = this.answer(0);
    this.frame.contentWindow?.postMessage({ script }, "*");
    await isLoaded;
  }

  async draw(source: string): Promise<string> {
    this.newest += 1;
    const drawn = this.answer(this.newest);
    this.frame.contentWindow?.postMessage({ id: this.newest, source }, "*");
    return await drawn;
  }

  end(): void {
    window.removeEventListener("message", this.take);
    this.frame.remove();
  }

  private answer(id: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => reject(new Error("no drawing in time")), LONGEST_MS);
      this.asked.set(id, (svg) => {
        window.clearTimeout(timer);
        resolve(svg);
      });
    });
  }

  private readonly take = ({ source, data }: MessageEvent<unknown>): void => {
    if (source !== this.frame.contentWindow || typeof data !== "object" || data === null) {
      return;
    }
    const { id, svg } = data as { id?: unknown; svg?: unknown };
    if (typeof id === "number" && typeof svg === "string" && svg.length <= MAX_SVG_CHARS) {
      this.asked.get(id)?.(svg);
      this.asked.delete(id);
    }
  };
}

async function scriptText(): Promise<string> {
  return await (await fetch(scriptAddress)).text();
}

let drawer: Drawer | null = null;
/** What was drawn, or could not be, by source; the oldest goes first. */
const drawn = new Map<string, Promise<Drawing | null>>();

/** Null when it is no diagram that Mermaid understands, or takes too long. */
export function draw(source: string): Promise<Drawing | null> {
  const known = drawn.get(source);
  if (known !== undefined) {
    return known;
  }
  const coming = source.length > MAX_SOURCE_CHARS ? Promise.resolve(null) : freshlyDrawn(source);
  drawn.set(source, coming);
  const [oldest] = drawn.keys();
  if (drawn.size > KEPT && oldest !== undefined) {
    // Its image stays while the page shows it somewhere: only the memory of it goes.
    drawn.delete(oldest);
  }
  return coming;
}

async function freshlyDrawn(source: string): Promise<Drawing | null> {
  try {
    drawer ??= new Drawer();
    await drawer.ready;
    const svg = await drawer.draw(source);
    return svg === "" ? null : asImage(svg);
  } catch {
    // It hangs, or never came: the next diagram gets a fresh one.
    drawer?.end();
    drawer = null;
    return null;
  }
}

function asImage(svg: string): Drawing {
  const box = /viewBox="\s*[-\d.e]+[\s,]+[-\d.e]+[\s,]+([\d.e]+)[\s,]+([\d.e]+)\s*"/.exec(svg);
  const blob = new Blob([svg], { type: "image/svg+xml" });
  return {
    address: URL.createObjectURL(blob),
    svg,
    widthPx: Math.ceil(Number(box?.[1] ?? 640)) || 640,
    heightPx: Math.ceil(Number(box?.[2] ?? 480)) || 480,
  };
}
