/** Starts the chat page. */

import "./look.css";
import "./layout.css";
import "./list.css";
import "./talk.css";
import "./prose.css";
import "./rendering/rendering.css";
import "./composer.css";
import "./commands/commands.css";
import "./context/context.css";
import { render } from "preact";
import { App } from "./App";
import { start } from "./start";
import { loadWords } from "./words";

start();
await loadWords();
const page = document.getElementById("page");
if (page !== null) {
  page.replaceChildren();
  render(<App />, page);
}
