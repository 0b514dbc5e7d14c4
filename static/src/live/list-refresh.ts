/** Keeps pages of lists current: when the overview's socket reports a change, the page is requested again and its marked
 * parts are morphed to the new state.
 *
 *   <div id="run-list" data-live-part="/runs/?state=open">
 */

import { loadHtml } from "../api/client";
import { all, throttled } from "../dom";
import { morph } from "../behaviours/morph";
import { refreshTimes } from "../behaviours/clock";
import { showConnection } from "./connection-status";
import { removeNewRows, showNewRowsButton } from "./new-rows";

import { LiveSocket } from "./socket";

const REFRESH_INTERVAL_MS = 1200;

/** `newRows`: also show new rows of lists marked data-hold, which otherwise wait for a click. */
async function refresh(newRows: boolean): Promise<void> {
  if (document.hidden) {
    stale = true;
    return;
  }
  stale = false;
  const parts = all("[data-live-part]");
  if (!parts.length) return;
  // The address as it is now: htmx may have filtered the list since.
  const address = location.pathname + location.search;
  const html = await loadHtml(address).catch(() => null);
  if (html === null || location.pathname + location.search !== address) return;
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const part of parts) {
    const fresh = part.id ? parsed.getElementById(part.id) : null;
    if (fresh && part.isConnected) {
      const held = part.hasAttribute("data-hold") && !newRows ? removeNewRows(part, fresh) : 0;
      morph(part, fresh);
      if (part.hasAttribute("data-hold")) showNewRowsButton(part, held, () => void refresh(true));
      refreshTimes(part);
    }
  }
}

let stale = false;

export function startListRefresh(): void {
  const soon = throttled(REFRESH_INTERVAL_MS, () => void refresh(false));
  let first = true;
  new LiveSocket({
    path: "/ws/overview/",
    hello: () => ({ type: "hello" }),
    state: (state) => {
      showConnection(state);
      if (state.kind === "offline") first = false;
    },
    message: ({ type }) => {
      if (type !== "snapshot" && type !== "changes") return;
      showConnection({ kind: "live" });
      // The page is as new as the first snapshot; a later one (after a reconnect) may bring changes.
      if (type === "changes" || !first) soon();
      first = false;
    },
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && stale) soon();
  });
}
