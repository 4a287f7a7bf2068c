/** The keyboard shortcuts, on one sheet. */

import type { JSX } from "preact";
import { t } from "../words";
import { Modal } from "./Modal";
import { isCheatSheetOpen } from "./openings";
import { shortcuts } from "./shortcuts";

export function CheatSheet(): JSX.Element {
  return (
    <Modal
      title={t("Keyboard shortcuts")}
      shape="box"
      close={() => {
        isCheatSheetOpen.value = false;
      }}
    >
      {shortcuts().map((group) => (
        <section key={group.title} class="keys">
          <h3>{group.title}</h3>
          <dl>
            {group.shortcuts.map(({ keys, words }) => (
              <div key={words}>
                <dt>{words}</dt>
                <dd>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  );
}
