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
import { retries as pageRetries } from "./retries";
import { LiveSocket } from "./socket";

const REFRESH_INTERVAL_MS = 1200;

export class ListRefresh {
  /** The page was hidden when it should have been refreshed. */
  stale = false;
  /** Also show new rows of lists marked data-hold, which otherwise wait for a click. */
  private newRows = false;
  /** Number of the last request, and of the newest one whose answer is shown. */
  private sent = 0;
  private shown = 0;

  constructor(private readonly retries = pageRetries) {}

  readonly refresh = (): void => void this.load();

  readonly showNewRows = (): void => {
    this.newRows = true;
    this.refresh();
  };

  private async load(): Promise<void> {
    this.stale = document.hidden;
    const parts = all("[data-live-part]");
    if (this.stale || !parts.length) return;
    const number = (this.sent += 1);
    const { newRows } = this;
    // The address as it is now: htmx may have filtered the list since.
    const address = location.pathname + location.search;
    let html: string;
    try {
      html = await loadHtml(address);
    } catch (error) {
      if (number > this.shown) this.retries.failed(error, this.refresh);
      return;
    }
    this.retries.answered(this.refresh);
    if (number < this.shown || location.pathname + location.search !== address) return;
    this.shown = number;
    if (newRows) this.newRows = false;
    const parsed = new DOMParser().parseFromString(html, "text/html");
    for (const part of parts) {
      const fresh = part.id ? parsed.getElementById(part.id) : null;
      if (fresh && part.isConnected) {
        const held = part.hasAttribute("data-hold") && !newRows ? removeNewRows(part, fresh) : 0;
        morph(part, fresh);
        if (part.hasAttribute("data-hold")) showNewRowsButton(part, held, this.showNewRows);
        refreshTimes(part);
      }
    }
  }
}

export function startListRefresh(): void {
  const list = new ListRefresh();
  const soon = throttled(REFRESH_INTERVAL_MS, list.refresh);
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
    if (!document.hidden && list.stale) soon();
  });
}
