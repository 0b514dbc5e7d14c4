/** Pages of lists stay current: when the overview's socket says that something changed, the marked parts are asked
 * for again and only what differs is touched.
 *
 *   <div id="run-list" data-live-part="/runs/?state=open">
 */

import { all, throttled } from "../dom";
import { morph } from "../behaviours/morph";
import { refreshTimes } from "../behaviours/clock";
import { showLive } from "./connection-status";
import { holdBack, offer } from "./new-rows";
import { readOverviewMessage } from "./protocol";
import { Live } from "./socket";

const LEAST_MS = 1200;

/** `everything`: new rows, too, which lists marked data-hold keep for who asks. */
async function refresh(everything: boolean): Promise<void> {
  if (document.hidden) {
    stale = true;
    return;
  }
  stale = false;
  const parts = all("[data-live-part]");
  if (!parts.length) return;
  // What htmx has filtered since is asked for as it is shown now.
  const address = location.pathname + location.search;
  let response: Response;
  try {
    response = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  } catch {
    return;
  }
  if (!response.ok || response.redirected || location.pathname + location.search !== address) return;
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of parts) {
    const fresh = part.id ? parsed.getElementById(part.id) : null;
    if (fresh && part.isConnected) {
      const held = part.hasAttribute("data-hold") && !everything ? holdBack(part, fresh) : 0;
      morph(part, fresh);
      if (part.hasAttribute("data-hold")) offer(part, held, () => void refresh(true));
      refreshTimes(part);
    }
  }
}

let stale = false;

export function startParts(): void {
  const soon = throttled(LEAST_MS, () => void refresh(false));
  let first = true;
  new Live({
    path: "/ws/overview/",
    hello: () => ({ type: "hello" }),
    state: (state) => {
      showLive(state);
      if (state.kind === "offline") first = false;
    },
    message: (raw) => {
      const message = readOverviewMessage(raw);
      if (!message) return;
      showLive({ kind: "live" });
      // The first snapshot is what the page was made from; a later one (after silence or a cut) may tell of more.
      if (message.type === "changes" || !first) soon();
      first = false;
    },
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && stale) soon();
  });
}
