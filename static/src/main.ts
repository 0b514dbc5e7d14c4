/** Starts what the page at hand needs. */

import "./styles/index.css";
import htmx from "htmx.org";
import { csrf } from "./api/client";
import { keepTime, refreshTimes } from "./behaviours/clock";
import { startKeys } from "./behaviours/keys";
import { openPalette } from "./behaviours/palette";
import { startPopovers } from "./behaviours/popover";
import { startSmall } from "./behaviours/small";
import { startToasts, toast } from "./behaviours/toast";
import { one } from "./dom";
import { startEditor } from "./editor/main";
import { startParts } from "./live/parts";
import { startRun } from "./run/main";
import { gettext } from "./words/i18n";

// The policy of the pages forbids both: styles in the page, and code made from text.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
// What a form or part answers when it refuses is for people: it is shown in its place. Faults are told as such.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "40[349]|422", swap: true, error: false },
  { code: ".*", swap: false, error: true },
];

document.documentElement.classList.remove("no-js");
document.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent<{ headers: Record<string, string> }>).detail.headers["X-CSRFToken"] = csrf();
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target instanceof Element) refreshTimes(event.target);
});
document.addEventListener("htmx:responseError", () => toast(gettext("The server refused this. Load the page again to see how things are."), "error"));
document.addEventListener("htmx:sendError", () => toast(gettext("Offline: this did not reach the server."), "error"));

// Narrow, the bar scrolls sideways: where one is must be in view.
one(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
keepTime();
startToasts();
startPopovers();
startSmall();
if (one("[data-live]")) {
  startKeys(openPalette);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-palette]")) openPalette();
  });
  const run = document.body.dataset["run"];
  const view = one("[data-run-view]");
  if (run && view) startRun(run, view);
  else startParts();
  const editor = one("[data-editor]");
  if (editor) startEditor(editor);
}
