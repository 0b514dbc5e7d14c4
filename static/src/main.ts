/** The entry point: starts the behaviours of every page, and the part that the present page needs. */

import "./styles/index.css";
import htmx from "htmx.org";
import { csrf, offlineText } from "./api/client";
import { startClock, refreshTimes } from "./behaviours/clock";
import { startPageKeys } from "./behaviours/keys";
import { openCommandPalette } from "./behaviours/command-palette";
import { startPopovers } from "./behaviours/popover";
import { startForms } from "./behaviours/forms";
import { startToasts, toast } from "./behaviours/toast";
import { one } from "./dom";
import { startListRefresh } from "./live/list-refresh";
import { gettext } from "./words/i18n";

// The content security policy forbids inline styles and eval.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
// A refused form answers with HTML for people, which is swapped in. Server errors are shown as a toast instead.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "40[349]|422|50[37]", swap: true, error: false },
  { code: ".*", swap: false, error: true },
];

/** Starts a part that is loaded as a chunk of its own because only one page needs it. */
function startIsland<T>(loading: Promise<T>, start: (part: T) => void): void {
  void loading.then(start, () => toast(gettext("Part of this page could not be loaded. Reload the page."), "error"));
}

document.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent<{ headers: Record<string, string> }>).detail.headers["X-CSRFToken"] = csrf();
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target instanceof Element) refreshTimes(event.target);
});
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail;
  toast(
    xhr.status >= 500
      ? gettext("Something went wrong on the server. Try again; the server log has the details.")
      : gettext("The server rejected this request. Reload the page to see the current state."),
    "error",
  );
});
document.addEventListener("htmx:sendError", () => toast(offlineText(), "error"));

// On narrow screens the navigation scrolls sideways: bring the current page's entry into view.
one(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
startClock();
startToasts();
startPopovers();
startForms();
if (one("[data-live]")) {
  startPageKeys(openCommandPalette);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-palette]")) openCommandPalette();
  });
  const run = document.body.dataset["run"];
  const view = one("[data-run-view]");
  if (run && view) startIsland(import("./run/main"), ({ startRun }) => startRun(run, view));
  else startListRefresh();
  const text = one("[data-text-editor]");
  if (text) startIsland(import("./text/main"), ({ startTextEditor }) => startTextEditor(text));
  const editor = one("[data-editor]");
  if (editor) startIsland(import("./editor/main"), ({ startEditor }) => startEditor(editor));
}
