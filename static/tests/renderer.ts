/** For the page tests: markdown.ts within reach of a test, in a real browser under the real policy. */

import { rendered, sanitised } from "../src/chat/markdown";

Object.assign(window, { rendered: (source: string) => rendered(source), sanitised });
