/** Conversations as files: saved by the browser, and taken in from one. */

import { refreshList } from "../conversations";
import { newKey } from "../keys";
import { csrfToken } from "../page";
import { t } from "../words";
import { refreshShelves } from "./shelves";

/** Asks the server for a file; the browser saves it and the page stays. No ids: all of hers. */
export function save(kind: "json" | "markdown", ids: string[] = []): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = "/page/exchange/export/";
  form.hidden = true;
  const fields = [
    ["csrfmiddlewaretoken", csrfToken],
    ["as", kind],
  ];
  for (const [name, value] of [...fields, ...ids.map((id) => ["conversation", id])]) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name ?? "";
    input.value = value ?? "";
    form.append(input);
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

export interface Taken {
  count: number;
  /** Why nothing was taken in; empty when it was. */
  refusal: string;
}

export async function takeIn(file: File): Promise<Taken> {
  const reply = await fetch(`/page/exchange/import/?key=${newKey()}`, {
    method: "POST",
    body: file,
    credentials: "same-origin",
    headers: { "X-CSRFToken": csrfToken, "Content-Type": "application/json" },
  }).catch(() => null);
  const told: unknown = await reply?.json().catch(() => null);
  const answer = (told ?? {}) as { conversations?: number; error?: string };
  if (reply?.ok !== true) {
    return { count: 0, refusal: answer.error ?? t("That did not work. Please try again.") };
  }
  await Promise.all([refreshList(), refreshShelves()]);
  return { count: answer.conversations ?? 0, refusal: "" };
}
