/** `/?`: the commands, as lines; the shortcuts, as their sheet. */

import { isCheatSheetOpen } from "../settings/openings";
import { templates } from "../settings/presets";
import { t } from "../words";
import { known } from "./known";
import type { Typed } from "./parse";
import { say } from "./said";

const COLUMN = 22;

export function help({ words }: Typed): void {
  const topic = words[0]?.toLowerCase().replace(/^\//, "") ?? "";
  if (topic.startsWith("shortcut")) {
    isCheatSheetOpen.value = true;
    return;
  }
  const wanted = known().filter(({ usage }) => topic === "" || usage.startsWith(`/${topic}`));
  const lines = (wanted.length > 0 ? wanted : known()).map(
    ({ usage, explanation }) => `${usage.padEnd(COLUMN)} ${explanation}`,
  );
  const own = (templates.peek() ?? []).map((each) => `/${each.name}`).join("  ");
  if (topic === "" && own !== "") {
    const title = t("Your prompt templates:");
    lines.push("", `${title} ${own}`);
  }
  lines.push("", t('Begin and end with """ to write several lines.'));
  say(lines.join("\n"), { isPlain: true });
}
