/** For the page tests: `rendered` within reach of a test, in a real browser under the real policy. */

import { rendered } from "../src/chat/markdown";

Object.assign(window, { rendered: (source: string) => rendered(source) });
