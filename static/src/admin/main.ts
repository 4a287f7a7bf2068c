/** What the catalogue's pages do in the browser. Without it every form still works, but nothing moves. */

import "./cards.css";
import "./controls.css";
import "./jobs.css";
import "./lists.css";
import { follow } from "./jobs";
import { measuring } from "./measuring";
import { trying } from "./trying";
import { uploading } from "./uploading";

for (const list of document.querySelectorAll<HTMLElement>("[data-jobs]")) {
  follow(list);
}
for (const box of document.querySelectorAll<HTMLFormElement>("form[data-try]")) {
  trying(box);
}
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-measure]")) {
  measuring(form);
}
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-upload]")) {
  uploading(form);
}
