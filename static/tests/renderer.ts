/** For the page tests: what draws an answer within reach of a test, in a real browser under the real policy. */

import { GrowingText } from "../src/chat/growing";
import { rendered, sanitised } from "../src/chat/markdown";
import { drawInto } from "../src/chat/rendering/formula";

Object.assign(window, {
  rendered: (source: string) => rendered(source),
  sanitised,
  drawInto,
  growing: (place: HTMLElement) => new GrowingText(place),
});
