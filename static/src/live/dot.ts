/** The dot in the bar and the line under it: they say what the socket knows, never more. */

import { one, setAttribute, setHidden, setText } from "../dom";
import { fill, gettext } from "../words/i18n";
import type { LiveState } from "./socket";

let signedOut = false;

/** Sockets do not say why they are refused: a page that leads to the sign-in says that the session is over. */
async function look(): Promise<void> {
  try {
    const response = await fetch("/find/?q=", { redirect: "manual", credentials: "same-origin" });
    signedOut = response.type === "opaqueredirect" || response.status === 401;
  } catch {
    signedOut = false;
  }
}

export function showLive(state: LiveState): void {
  const dot = one("[data-live]");
  setAttribute(dot, "data-state", state.kind);
  const text = one("span", dot ?? document);
  const notice = one("[data-offline-notice]");
  if (state.kind === "live") signedOut = false;
  if (state.kind === "live") setText(text, gettext("Live"));
  else if (state.kind === "connecting") setText(text, gettext("Connecting"));
  else if (state.kind === "behind") setText(text, fill(gettext("{n} s behind"), { n: Math.round(state.seconds) }));
  else setText(text, gettext("Offline"));
  // A first try that fails is most often over at once: the page does not move for it.
  const long = state.kind === "offline" && state.tries > 1;
  setHidden(notice, !long);
  if (long) {
    const since = state.since.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    if (signedOut) {
      setText(one("[data-offline-text]"), gettext("You are signed out. Load the page again to sign in."));
      return;
    }
    if (state.tries === 3) void look();
    setText(one("[data-offline-text]"), fill(gettext("Offline since {time}, tried {n} times: what you see may be old."), { time: since, n: state.tries }));
  }
}
