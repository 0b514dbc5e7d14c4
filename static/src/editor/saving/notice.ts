/** Shows the state of saving: a line in the bar, and a notice over the corner of the canvas. */

import { element, icon, one, setAttribute, setText } from "../../dom";
import { fill, gettext } from "../../words/i18n";
import { ago } from "../../words/words";
import { isSaved, type State } from "./machine";

type Standing = "saved" | "unsaved" | "saving" | "offline" | "conflict" | "refused";

export function standing<D>(state: State<D>): Standing {
  if (state.trouble) return state.trouble.kind === "signed_out" ? "refused" : state.trouble.kind;
  if (state.sending !== null || state.looking) return "saving";
  return isSaved(state) && !state.blocked ? "saved" : "unsaved";
}

/** `isStored`: unsaved changes are stored in this browser. */
export function statusText<D>(state: State<D>, isStored: boolean, now: number): string {
  const kept = isStored ? gettext("stored in this browser") : gettext("only in this tab");
  switch (standing(state)) {
    case "saved":
      return savedText(state.savedAt, now);
    case "saving":
      return gettext("Saving …");
    case "unsaved":
      return state.blocked ? gettext("Not saved: invalid JSON") : gettext("Not saved yet");
    case "conflict":
      return fill(gettext("Not saved: another tab saved first, {kept}"), { kept });
    case "offline":
      // The notice shows the server's message.
      return state.trouble?.kind === "offline" && state.trouble.why !== null
        ? fill(gettext("Not saved, {kept}"), { kept })
        : fill(gettext("Not saved: offline, {kept}"), { kept });
    case "refused":
      if (state.trouble?.kind === "signed_out")
        return state.trouble.as === null
          ? fill(gettext("Not saved: signed out, {kept}"), { kept })
          : fill(gettext("Not saved: signed in as {name}, {kept}"), { name: state.trouble.as, kept });
      return fill(gettext("Not saved: rejected, {kept}"), { kept });
  }
}

function savedText(at: number | null, now: number): string {
  if (at === null) return gettext("No changes yet");
  const seconds = Math.floor((now - at) / 1000);
  if (seconds < 10) return gettext("Saved");
  if (seconds < 60) return fill(gettext("Saved {n} s ago"), { n: Math.floor(seconds / 10) * 10 });
  return fill(gettext("Saved {ago}"), { ago: ago(seconds) });
}

/** Updates the line in the bar. Its age is hidden from screen readers, which would announce every change. */
export function showStatus<D>(state: State<D>, isStored: boolean): void {
  const place = one("[data-saved]");
  if (!place) return;
  const now = Date.now();
  const where = standing(state);
  const text = statusText(state, isStored, now);
  if (place.dataset["state"] !== where) place.dataset["state"] = where;
  place.classList.toggle("bad", where !== "saved" && where !== "saving" && where !== "unsaved");
  const first = where === "saved" && state.savedAt !== null ? gettext("Saved") : text;
  // Only the text after "Saved" is hidden from screen readers.
  const rest = text.startsWith(first) ? text.slice(first.length) : "";
  const spoken = rest ? first : text;
  let head = one("[data-said]", place);
  let tail = one("[data-age]", place);
  if (!head || !tail) {
    head = element("span");
    tail = element("span");
    head.dataset["said"] = "";
    tail.dataset["age"] = "";
    tail.setAttribute("aria-hidden", "true");
    place.replaceChildren(head, tail);
  }
  setText(head, spoken);
  setText(tail, rest);
  setAttribute(place, "title", where === "saved" ? "" : text);
}

export interface Notice {
  readonly kind: string;
  readonly title: string;
  readonly text: string;
  readonly lines?: readonly string[];
  readonly actions: readonly { readonly label: string; readonly run: () => void; readonly primary?: boolean }[];
  readonly link?: { readonly label: string; readonly address: string };
}

/** Returns the notice of trouble other than a conflict; null: the line in the bar is enough. */
export function troubleNotice<D>(
  { trouble }: State<D>,
  isStored: boolean,
  user: string,
  again: () => void,
): Notice | null {
  const kept = isStored
    ? gettext("Your changes are stored in this browser and will be saved as soon as possible.")
    : gettext("This browser cannot store your changes. Keep this tab open until they are saved.");
  const actions = [{ label: gettext("Try again"), run: again }];
  switch (trouble?.kind) {
    case "signed_out": {
      const link = {
        label: gettext("Sign in in a new tab"),
        address: `/sign-in/?next=${encodeURIComponent(location.pathname)}`,
      };
      if (trouble.as === null)
        return { kind: "signed_out", title: gettext("You are signed out"), text: kept, actions: [], link };
      const whose = fill(gettext("This draft belongs to {name}, so it is not saved under another account."), {
        name: user,
      });
      return {
        kind: "signed_out",
        title: fill(gettext("Signed in as {name}"), { name: trouble.as }),
        text: `${whose} ${kept}`,
        actions: [],
        link,
      };
    }
    case "refused":
      return { kind: "refused", title: gettext("Not saved"), text: `${trouble.why} ${kept}`, actions };
    case "offline":
      if (trouble.why !== null)
        return { kind: "offline", title: gettext("Not saved"), text: `${trouble.why} ${kept}`, actions };
      return isStored ? null : { kind: "offline", title: gettext("Offline"), text: kept, actions: [] };
    default:
      return null;
  }
}

const LINES_SHOWN = 200;

/** Shows one notice at a time, over the canvas, until its trouble is over. */
export class NoticePlace {
  private shown: string | null = null;
  private box: HTMLElement | null = null;

  constructor(private readonly host: () => HTMLElement | null) {}

  get isShown(): boolean {
    return this.box !== null;
  }

  show(notice: Notice | null): void {
    const key = notice === null ? null : JSON.stringify([notice.kind, notice.title, notice.text, notice.lines]);
    if (key === this.shown) return;
    const hadFocus = this.box?.contains(document.activeElement) ?? false;
    this.shown = key;
    this.box?.remove();
    this.box = null;
    const host = this.host();
    if (!notice || !host) {
      if (hadFocus) host?.focus();
      return;
    }
    const box = element("section", "savenotice");
    box.dataset["saveNotice"] = notice.kind;
    box.setAttribute("role", "alert");
    const title = element("b", "", notice.title);
    box.append(element("div", "row top-aligned", icon("warn"), title), element("p", "dim", notice.text));
    const lines = notice.lines ?? [];
    if (lines.length) {
      const list = element("ul", "", ...lines.slice(0, LINES_SHOWN).map((line) => element("li", "", line)));
      if (lines.length > LINES_SHOWN)
        list.append(element("li", "meta", fill(gettext("and {n} more"), { n: lines.length - LINES_SHOWN })));
      // Focusable, so that the keyboard can scroll it.
      list.tabIndex = 0;
      list.setAttribute("aria-label", gettext("Differences"));
      box.append(list);
    }
    const row = element("div", "row wrap");
    for (const action of notice.actions) {
      const button = element("button", action.primary ? "btn small primary" : "btn small", action.label);
      button.type = "button";
      button.addEventListener("click", action.run);
      row.append(button);
    }
    if (notice.link) {
      const link = element("a", "btn small", notice.link.label);
      link.href = notice.link.address;
      link.target = "_blank";
      link.rel = "noopener";
      row.append(link);
    }
    if (row.children.length) box.append(row);
    host.prepend(box);
    this.box = box;
    if (hadFocus) row.querySelector<HTMLElement>("button, a")?.focus();
  }
}
