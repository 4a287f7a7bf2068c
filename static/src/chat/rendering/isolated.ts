/** Frames with an origin of their own, without network (portal/isolated.py). Nothing in them can reach the page. */

export type Isolation = "live" | "still";

/** `live` runs the scripts of what is shown; `still` runs none. The text becomes the document. */
export function isolatedFrame(isolation: Isolation, text: string): HTMLIFrameElement {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.setAttribute("referrerpolicy", "no-referrer");
  frame.setAttribute("allow", "");
  frame.addEventListener(
    "load",
    // An opaque origin has no name to address; what is sent was written by the model anyway.
    () => frame.contentWindow?.postMessage(text, "*"),
    { once: true },
  );
  frame.src = `/page/isolated/${isolation}/`;
  return frame;
}
