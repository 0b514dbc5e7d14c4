/** What the bar and the corner of the canvas say of saving. The words are for people; nothing here decides. */

import { element, icon, one, setAttribute, setText } from "../../dom";
import { fill, gettext } from "../../words/i18n";
import { ago } from "../../words/words";
import { isSaved, type State } from "./machine";

export type Standing = "saved" | "unsaved" | "saving" | "offline" | "conflict" | "refused";

export function standing<D>(state: State<D>): Standing {
  if (state.trouble) return state.trouble.kind === "signed_out" ? "refused" : state.trouble.kind;
  if (state.sending !== null || state.looking) return "saving";
  return isSaved(state) && !state.blocked ? "saved" : "unsaved";
}

/** `keeps`: whether this browser keeps what the server has not got. */
export function statusText<D>(state: State<D>, keeps: boolean, now: number): string {
  const kept = keeps ? gettext("kept in this browser") : gettext("only in this tab");
  switch (standing(state)) {
    case "saved":
      return savedText(state.savedAt, now);
    case "saving":
      return gettext("Saving …");
    case "unsaved":
      return state.blocked ? gettext("Not saved: this is not JSON yet") : gettext("Not saved yet");
    case "conflict":
      return fill(gettext("Not saved: another tab saved first, {kept}"), { kept });
    case "offline":
      // The server's own sentence stands in the notice.
      return state.trouble?.kind === "offline" && state.trouble.why !== null
        ? fill(gettext("Not saved, {kept}"), { kept })
        : fill(gettext("Not saved: offline, {kept}"), { kept });
    case "refused":
      if (state.trouble?.kind === "signed_out")
        return state.trouble.as === null
          ? fill(gettext("Not saved: signed out, {kept}"), { kept })
          : fill(gettext("Not saved: {name} is signed in now, {kept}"), { name: state.trouble.as, kept });
      return fill(gettext("Not saved: refused, {kept}"), { kept });
  }
}

function savedText(at: number | null, now: number): string {
  if (at === null) return gettext("Not changed yet");
  const seconds = Math.floor((now - at) / 1000);
  if (seconds < 10) return gettext("Saved");
  if (seconds < 60) return fill(gettext("Saved {n} s ago"), { n: Math.floor(seconds / 10) * 10 });
  return fill(gettext("Saved {ago}"), { ago: ago(seconds) });
}

/** The line in the bar. Its age is not for screen readers: they would hear of every change. */
export function showStatus<D>(state: State<D>, keeps: boolean): void {
  const place = one("[data-saved]");
  if (!place) return;
  const now = Date.now();
  const where = standing(state);
  const text = statusText(state, keeps, now);
  if (place.dataset["state"] !== where) place.dataset["state"] = where;
  place.classList.toggle("bad", where !== "saved" && where !== "saving" && where !== "unsaved");
  const first = where === "saved" && state.savedAt !== null ? gettext("Saved") : text;
  // A text that begins with the first word adds only its rest.
  const rest = text.startsWith(first) ? text.slice(first.length) : "";
  const said = rest ? first : text;
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
  setText(head, said);
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

/** What is told of trouble other than a conflict; null: the bar says enough. */
export function troubleNotice<D>(
  { trouble }: State<D>,
  keeps: boolean,
  user: string,
  again: () => void,
): Notice | null {
  const kept = keeps
    ? gettext("What you do here is kept in this browser and saved as soon as that is possible.")
    : gettext("This browser keeps nothing: leave this tab open until it is saved.");
  const actions = [{ label: gettext("Try again"), run: again }];
  switch (trouble?.kind) {
    case "signed_out": {
      const link = {
        label: gettext("Sign in in a new tab"),
        address: `/sign-in/?next=${encodeURIComponent(location.pathname)}`,
      };
      if (trouble.as === null)
        return { kind: "signed_out", title: gettext("You are signed out"), text: kept, actions: [], link };
      const whose = fill(gettext("This draft is {name}'s: nothing is saved as somebody else."), { name: user });
      return {
        kind: "signed_out",
        title: fill(gettext("{name} is signed in now"), { name: trouble.as }),
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
      return keeps ? null : { kind: "offline", title: gettext("Offline"), text: kept, actions: [] };
    default:
      return null;
  }
}

const LINES_SHOWN = 200;

/** A notice that stays until what it tells of is over; null takes it away. Nothing else of the page moves. */
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
      // Longer than the box it is scrolled, by the keyboard too.
      list.tabIndex = 0;
      list.setAttribute("aria-label", gettext("What differs"));
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
