/** The command palette: type to find workflows, runs, pages and what can be done; arrows choose, Enter does. */

import { element, icon, one } from "../dom";
import { gettext } from "../words/i18n";
import { openDialog } from "./popover";

/** After so long without an answer there is something to see. */
const PATIENCE_MS = 300;

interface Found {
  readonly group: string;
  readonly icon: string;
  readonly text: string;
  readonly hint: string;
  readonly href: string;
  readonly dialog: string;
  /** Does it on this page, without going anywhere. */
  readonly run?: () => void;
}

export interface Offer {
  readonly icon: string;
  readonly text: string;
  /** Its key, or what it does. */
  readonly hint: string;
  run(): void;
}

/** What can be done on the page at hand; none on most. */
let offers: () => readonly Offer[] = () => [];

export function offerInPalette(made: () => readonly Offer[]): void {
  offers = made;
}

/** Those that hold every word; for none, all. */
function offered(words: string): Found[] {
  const asked = words.toLowerCase().split(/\s+/).filter(Boolean);
  const group = gettext("On this page");
  return offers()
    .filter(({ text }) => asked.every((word) => text.toLowerCase().includes(word)))
    .map(({ icon: name, text, hint, run }) => ({ group, icon: name, text, hint, href: "", dialog: "", run }));
}

function read(value: unknown): Found[] {
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

export function openPalette(): void {
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

  let found: Found[] = [];
  let chosen = 0;
  let asked = 0;
  /** Whether what is listed answers what is typed; until it does, Enter waits, or another thing would be done. */
  let fresh = false;
  let entered = false;

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
  const go = (result: Found | undefined): void => {
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
    if (!found.length) list.append(element("li", "group", gettext("Nothing has that name.")));
    choose(0);
    fresh = true;
    if (entered) go(found[0]);
    entered = false;
  };
  const ask = async (): Promise<void> => {
    const mine = ++asked;
    const late = window.setTimeout(() => {
      if (mine !== asked) return;
      // What the page itself offers needs no server.
      found = offered(field.value);
      if (found.length) show();
      else list.replaceChildren(element("li", "group", gettext("Loading …")));
    }, PATIENCE_MS);
    try {
      const response = await fetch(`${source}?q=${encodeURIComponent(field.value)}`, {
        headers: { Accept: "application/json" },
      });
      if (!response.ok) throw new Error(String(response.status));
      const results = read(await response.json());
      // An answer that was overtaken by a later question says nothing any more.
      if (mine === asked) {
        found = [...offered(field.value), ...results];
        show();
      }
    } catch (error) {
      if (mine !== asked) return;
      found = offered(field.value);
      entered &&= found.length > 0;
      if (found.length) show();
      else
        list.replaceChildren(
          element(
            "li",
            "group",
            error instanceof TypeError
              ? gettext("Offline: nothing can be searched now.")
              : gettext("The server did not answer this. Try again in a moment."),
          ),
        );
    } finally {
      window.clearTimeout(late);
    }
  };
  let timer = 0;
  field.addEventListener("input", () => {
    fresh = entered = false;
    asked += 1;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), 90);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && fresh) go(found[chosen]);
    else if (event.key === "Enter") entered = field.value.trim() !== "";
    else return;
    event.preventDefault();
  });
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.showModal();
  field.focus();
  void ask();
}
