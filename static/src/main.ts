/** Starts what the page at hand needs. */

import "./styles/index.css";
import htmx from "htmx.org";
import { csrf } from "./api/client";
import { keepTime, refreshTimes } from "./behaviours/clock";
import { startKeys } from "./behaviours/keys";
import { openPalette } from "./behaviours/command-palette";
import { startPopovers } from "./behaviours/popover";
import { startSmall } from "./behaviours/small";
import { startToasts, toast } from "./behaviours/toast";
import { one } from "./dom";
import { startParts } from "./live/list-refresh";
import { gettext } from "./words/i18n";

// The policy of the pages forbids both: styles in the page, and code made from text.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
// What a form or part answers when it refuses is for people: it is shown in its place. Faults are told as such.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "40[349]|422|50[37]", swap: true, error: false },
  { code: ".*", swap: false, error: true },
];

/** Large, and only on its page: a script of its own. */
function island<T>(coming: Promise<T>, start: (part: T) => void): void {
  void coming.then(start, () => toast(gettext("A part of the page could not be loaded. Load it again."), "error"));
}

document.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent<{ headers: Record<string, string> }>).detail.headers["X-CSRFToken"] = csrf();
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target instanceof Element) refreshTimes(event.target);
});
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail;
  const broke = xhr.status >= 500;
  toast(
    broke
      ? gettext("This broke on the server, whose log says why. Try again, or load the page again.")
      : gettext("The server refused this. Load the page again to see how things are."),
    "error",
  );
});
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
  if (run && view) island(import("./run/main"), ({ startRun }) => startRun(run, view));
  else startParts();
  const text = one("[data-text-editor]");
  if (text) island(import("./text/main"), ({ startTextEditor }) => startTextEditor(text));
  const editor = one("[data-editor]");
  if (editor) island(import("./editor/main"), ({ startEditor }) => startEditor(editor));
}
