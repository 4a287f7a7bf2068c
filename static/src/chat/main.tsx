/** Starts the chat page. */

import "./look.css";
import "./layout.css";
import "./sidebar.css";
import "./list.css";
import "./account.css";
import "./talk.css";
import "./prose.css";
import "./rendering/rendering.css";
import "./composer.css";
import "./commands/commands.css";
import "./context/context.css";
import "./forced.css";
import { render } from "preact";
import { App } from "./App";
import { install } from "./installing";
import * as memory from "./memory";
import { personId } from "./page";
import { fetchDrawer } from "./prose";
import { listen } from "./settings/shortcuts";
import { start } from "./start";
import { loadWords } from "./words";

memory.keepOnlyOf(personId);
listen();
start();
await loadWords();
const page = document.getElementById("page");
if (page !== null) {
  page.replaceChildren();
  render(<App />, page);
}
// The composer is on the screen first. An answer that is to be drawn earlier fetches it by itself.
requestAnimationFrame(() => window.setTimeout(() => void fetchDrawer()));
install();
