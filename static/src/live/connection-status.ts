/** The dot in the bar and the line under it: they say what the socket knows, never more. */

import { one, setAttribute, setHidden, setText } from "../dom";
import { fill, gettext } from "../words/i18n";
import type { LiveState } from "./socket";

/** What the page itself is refused with, as the code that a socket closes with; null: it is not, or nobody knows. */
let refusal: number | null = null;

/** A handshake that is refused does not say why: the page that one looks at does. */
async function look(): Promise<void> {
  try {
    const { type, status } = await fetch(location.pathname + location.search, {
      method: "HEAD",
      redirect: "manual",
      credentials: "same-origin",
    });
    refusal =
      type === "opaqueredirect" || status === 401 ? 4401 : status === 403 || status === 404 ? 4000 + status : null;
  } catch {
    refusal = null;
  }
}

/** Says it in the line under the bar, with a link that leads on. Empty: there is nothing to say. */
function notice(text: string, onwards: readonly [address: string, label: string] | null = null): void {
  setHidden(one("[data-offline-notice]"), !text);
  if (text) setText(one("[data-offline-text]"), text);
  const link = one<HTMLAnchorElement>("[data-offline-onwards]");
  setHidden(link, !onwards);
  if (onwards && link) {
    link.href = onwards[0];
    setText(link, onwards[1]);
  }
}

const loadAgain = (): readonly [string, string] => [
  location.pathname + location.search,
  gettext("Load the page again"),
];

function sayRefused(code: number): void {
  if (code === 4401) notice(gettext("You are signed out. Load the page again to sign in."), loadAgain());
  else if (code === 4404 && document.body.dataset["run"])
    notice(gettext("This run was deleted: you see what was last known of it."), ["/runs/", gettext("All runs")]);
  else notice(gettext("You are signed out, or may not see this any more: what you see is old."), loadAgain());
}

export function showLive(state: LiveState): void {
  const dot = one("[data-live]");
  const text = one("span", dot ?? document);
  if (state.kind === "live") refusal = null;
  const refused = state.kind === "refused" ? state.code : state.kind === "offline" && state.tries > 3 ? refusal : null;
  setAttribute(dot, "data-state", refused === null ? state.kind : "refused");
  if (refused !== null) {
    setText(text, gettext("Not live"));
    sayRefused(refused);
    return;
  }
  if (state.kind === "live") setText(text, gettext("Live"));
  else if (state.kind === "connecting") setText(text, gettext("Connecting"));
  else if (state.kind === "behind") setText(text, fill(gettext("{n} s behind"), { n: Math.round(state.seconds) }));
  else setText(text, gettext("Offline"));
  // A first try that fails is most often over at once: nothing is said of it.
  if (state.kind !== "offline" || state.tries < 2) {
    notice("");
    return;
  }
  if (state.tries === 3) void look();
  const since = state.since.toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  notice(
    fill(gettext("Offline since {time}, tried {n} times: what you see may be old."), { time: since, n: state.tries }),
  );
}
