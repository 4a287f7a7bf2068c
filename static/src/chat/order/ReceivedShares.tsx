/** What others share with her, in the list. */

import type { JSX } from "preact";
import * as address from "../address";
import { closeDrawer } from "../drawer";
import { t } from "../words";
import { received } from "./shelves";

export function ReceivedShares(): JSX.Element | null {
  if (received.value.length === 0) {
    return null;
  }
  return (
    <section>
      <h2>{t("Shared with you")}</h2>
      <ul>
        {received.value.map((each) => {
          const isShown = address.sharedId.value === each.id;
          return (
            <li key={each.id} class={isShown ? "item shown" : "item"}>
              <a
                href={address.pathOfShared(each.id)}
                aria-current={isShown ? "page" : undefined}
                title={t("Shared by %(name)s", { name: each.owner_name })}
                onClick={(event) => {
                  if (!event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
                    event.preventDefault();
                    closeDrawer();
                    address.goShared(each.id);
                  }
                }}
              >
                <bdi>{each.title || t("Chat")}</bdi>
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
