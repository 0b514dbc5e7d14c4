/** The command palette: finds workflows, runs, pages and actions by typing; arrow keys select, Enter opens. */

import { call } from "../api/client";
import { element, icon, one } from "../dom";
import { gettext } from "../words/i18n";
import { openDialog } from "./popover";

/** Without an answer for so long, a loading message is shown. */
const LOADING_SHOWN_AFTER_MS = 300;

interface Result {
  readonly group: string;
  readonly icon: string;
  readonly text: string;
  readonly hint: string;
  readonly href: string;
  readonly dialog: string;
  /** An action on this page, in place of an address. */
  readonly run?: () => void;
}

export interface PaletteEntry {
  readonly icon: string;
  readonly text: string;
  /** The keyboard shortcut, or a short description. */
  readonly hint: string;
  run(): void;
}

/** The actions of the present page; most pages have none. */
let pageEntries: () => readonly PaletteEntry[] = () => [];

export function setPageEntries(made: () => readonly PaletteEntry[]): void {
  pageEntries = made;
}

/** The page's entries that contain every word. */
function matchingEntries(words: string): Result[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const group = gettext("On this page");
  return pageEntries()
    .filter(({ text }) => wanted.every((word) => text.toLowerCase().includes(word)))
    .map(({ icon: name, text, hint, run }) => ({ group, icon: name, text, hint, href: "", dialog: "", run }));
}

function readResults(value: unknown): Result[] {
  const results = typeof value === "object" && value !== null && "results" in value ? value.results : null;
  if (!Array.isArray(results)) return [];
  return results.map((entry: unknown) => {
    const it = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
    const text = (name: string): string => (typeof it[name] === "string" ? it[name] : "");
    return {
      group: text("group"),
      icon: text("icon"),
      text: text("text"),
      hint: text("hint"),
      href: text("href"),
      dialog: text("dialog"),
    };
  });
}

export function openCommandPalette(): void {
  const dialog = one<HTMLDialogElement>("#palette");
  const source = dialog?.dataset["source"];
  if (!dialog || !source || dialog.open) return;
  const field = element("input");
  field.type = "text";
  field.autocomplete = "off";
  field.spellcheck = false;
  field.placeholder = gettext("Find workflows, runs, pages, actions");
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-expanded", "true");
  field.setAttribute("aria-controls", "palette-list");
  field.setAttribute("aria-label", gettext("Find anything"));
  const list = element("ul");
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  dialog.replaceChildren(element("div", "find", icon("search"), field, element("kbd", "", "Esc")), list);

  let found: Result[] = [];
  let chosen = 0;
  let lastRequest = 0;
  /** Whether the list belongs to the typed text. Until it does, Enter waits: it would open another entry. */
  let upToDate = false;
  let enterPending = false;

  const choose = (at: number): void => {
    const options = list.querySelectorAll<HTMLElement>('[role="option"]');
    if (!options.length) return;
    chosen = (at + options.length) % options.length;
    options.forEach((option, place) => {
      option.setAttribute("aria-selected", String(place === chosen));
      if (place === chosen) {
        field.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }
    });
  };
  const go = (result: Result | undefined): void => {
    if (!result) return;
    dialog.close();
    if (result.run) result.run();
    else if (result.dialog) void openDialog(result.dialog);
    else location.assign(result.href);
  };
  const show = (): void => {
    list.replaceChildren();
    let group = "";
    found.forEach((result, place) => {
      if (result.group !== group) {
        group = result.group;
        const head = element("li", "group", group);
        head.setAttribute("role", "presentation");
        list.append(head);
      }
      const option = element(
        "li",
        "",
        icon(result.icon, true),
        element("span", "grow cut", result.text),
        element("span", "faint cut", result.hint),
      );
      option.id = `palette-${place}`;
      option.setAttribute("role", "option");
      option.addEventListener("click", () => go(result));
      option.addEventListener("pointermove", () => {
        if (chosen !== place) choose(place);
      });
      list.append(option);
    });
    if (!found.length) list.append(element("li", "group", gettext("No results.")));
    choose(0);
    upToDate = true;
    if (enterPending) go(found[0]);
    enterPending = false;
  };
  const search = async (): Promise<void> => {
    const mine = ++lastRequest;
    const late = window.setTimeout(() => {
      if (mine !== lastRequest) return;
      // The page's own entries need no answer of the server.
      found = matchingEntries(field.value);
      if (found.length) show();
      else list.replaceChildren(element("li", "group", gettext("Loading …")));
    }, LOADING_SHOWN_AFTER_MS);
    try {
      const results = readResults((await call("GET", `${source}?q=${encodeURIComponent(field.value)}`)).body);
      // A later request has been sent meanwhile.
      if (mine === lastRequest) {
        found = [...matchingEntries(field.value), ...results];
        show();
      }
    } catch (error) {
      if (mine !== lastRequest) return;
      found = matchingEntries(field.value);
      enterPending &&= found.length > 0;
      if (found.length) show();
      else
        list.replaceChildren(
          element(
            "li",
            "group",
            error instanceof TypeError
              ? gettext("You're offline. Search is unavailable.")
              : gettext("The server did not respond. Try again in a moment."),
          ),
        );
    } finally {
      window.clearTimeout(late);
    }
  };
  let timer = 0;
  field.addEventListener("input", () => {
    upToDate = enterPending = false;
    lastRequest += 1;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void search(), 90);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && upToDate) go(found[chosen]);
    else if (event.key === "Enter") enterPending = field.value.trim() !== "";
    else return;
    event.preventDefault();
  });
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.showModal();
  field.focus();
  void search();
}
