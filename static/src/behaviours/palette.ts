/** The command palette: type to find workflows, runs, pages and what can be done; arrows choose, Enter does. */

import { element, icon, one } from "../dom";
import { gettext } from "../words/i18n";
import { openDialog } from "./popover";

interface Found {
  readonly group: string;
  readonly icon: string;
  readonly text: string;
  readonly hint: string;
  readonly href: string;
  readonly dialog: string;
}

function read(value: unknown): Found[] {
  const results = typeof value === "object" && value !== null && "results" in value ? value.results : null;
  if (!Array.isArray(results)) return [];
  return results.map((entry: unknown) => {
    const it = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
    const text = (name: string): string => (typeof it[name] === "string" ? it[name] : "");
    return { group: text("group"), icon: text("icon"), text: text("text"), hint: text("hint"), href: text("href"), dialog: text("dialog") };
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
    if (result.dialog) void openDialog(result.dialog);
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
      const option = element("li", "", icon(result.icon, true), element("span", "grow cut", result.text), element("span", "faint cut", result.hint));
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
  };
  const ask = async (): Promise<void> => {
    const mine = ++asked;
    try {
      const response = await fetch(`${source}?q=${encodeURIComponent(field.value)}`, { headers: { Accept: "application/json" } });
      const results = response.ok ? read(await response.json()) : [];
      // An answer that was overtaken by a later question says nothing any more.
      if (mine === asked) {
        found = results;
        show();
      }
    } catch {
      if (mine === asked) list.replaceChildren(element("li", "group", gettext("Offline: nothing can be searched now.")));
    }
  };
  let timer = 0;
  field.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), 90);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") go(found[chosen]);
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
