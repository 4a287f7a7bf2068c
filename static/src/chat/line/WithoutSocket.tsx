/** Says that the page goes another way than usual, until she has read it. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import * as memory from "../memory";
import { connection } from "../socket";
import { t } from "../words";
import { isWithoutSocket } from "./roads";
import "./line.css";

const isRead = signal(memory.read("way-read", "tab") !== null);

export function WithoutSocket(): JSX.Element | null {
  if (!isWithoutSocket.value || isRead.value || connection.value === "offline") {
    return null;
  }
  return (
    <div class="banner banner-way" role="status">
      <p>
        {t(
          "This network lets no live connection (WebSocket) through. The page works another way, a little more slowly, and nothing is lost. Whoever runs the network can allow it.",
        )}
      </p>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          isRead.value = true;
          memory.write("way-read", "yes", "tab");
        }}
      >
        {t("Understood")}
      </button>
    </div>
  );
}
