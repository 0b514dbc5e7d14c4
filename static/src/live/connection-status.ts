/** The connection status in the page's bar, and the notice under it. */

import { ApiError, send } from "../api/client";
import { one, setAttribute, setHidden, setText } from "../dom";
import { fill, gettext } from "../words/i18n";
import type { ConnectionState } from "./socket";

/** Why the server refuses this page, as a close code of sockets; null: it does not, or that is unknown. */
let refusal: number | null = null;

/** Requests the page itself: a refused handshake of a socket does not tell its reason. */
async function checkPageAccess(): Promise<void> {
  try {
    await send("HEAD", location.pathname + location.search, null, { Accept: "text/html" });
    refusal = null;
  } catch (error) {
    refusal = error instanceof ApiError && [401, 403, 404].includes(error.status) ? 4000 + error.status : null;
  }
}

/** Shows a notice under the bar, with a link; an empty text hides it. */
function setNotice(text: string, link: readonly [address: string, label: string] | null = null): void {
  setHidden(one("[data-offline-notice]"), !text);
  if (text) setText(one("[data-offline-text]"), text);
  const anchor = one<HTMLAnchorElement>("[data-offline-onwards]");
  setHidden(anchor, !link);
  if (link && anchor) {
    anchor.href = link[0];
    setText(anchor, link[1]);
  }
}

const reloadLink = (): readonly [string, string] => [location.pathname + location.search, gettext("Reload the page")];

function showRefusal(code: number): void {
  if (code === 4401) setNotice(gettext("You're signed out. Reload the page to sign in."), reloadLink());
  else if (code === 4404 && document.body.dataset["run"])
    setNotice(gettext("This run was deleted. This page shows its last known state."), ["/runs/", gettext("All runs")]);
  else setNotice(gettext("You're signed out or no longer have access. This page is out of date."), reloadLink());
}

export function showConnection(state: ConnectionState): void {
  const dot = one("[data-live]");
  const text = one("span", dot ?? document);
  if (state.kind === "live") refusal = null;
  const refused = state.kind === "refused" ? state.code : state.kind === "offline" && state.tries > 3 ? refusal : null;
  setAttribute(dot, "data-state", refused === null ? state.kind : "refused");
  if (refused !== null) {
    setText(text, gettext("Not live"));
    showRefusal(refused);
    return;
  }
  if (state.kind === "live") setText(text, gettext("Live"));
  else if (state.kind === "connecting") setText(text, gettext("Connecting"));
  else if (state.kind === "behind") setText(text, fill(gettext("{n} s behind"), { n: Math.round(state.seconds) }));
  else setText(text, gettext("Offline"));
  // The first failed try is usually followed by a successful one: no notice yet.
  if (state.kind !== "offline" || state.tries < 2) {
    setNotice("");
    return;
  }
  if (state.tries === 3) void checkPageAccess();
  const since = state.since.toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  setNotice(
    fill(gettext("Offline since {time} ({n} reconnection attempts). This page may be out of date."), {
      time: since,
      n: state.tries,
    }),
  );
}
