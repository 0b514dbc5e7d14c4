/** A combobox of node types: a search field and a list. Arrow keys select a type, Enter adds it. The palette and the menu
 * that adds a node use it.
 */

import type { NodeType } from "../../document/node-type";
import { element, icon, setAttribute, setText } from "../../dom";
import { gettext } from "../../words/i18n";
import { likely, matching, type Around } from "./ranking";

interface ListOptions {
  /** The prefix of the ids of its elements. */
  readonly id: string;
  readonly types: ReadonlyMap<string, NodeType>;
  readonly label: string;
  /** Grouped by category with headings, else one list with the likeliest types first. */
  readonly grouped: boolean;
  /** Returns the neighbours that the new node would have; called whenever the list is drawn. */
  around(): Around;
  pick(type: NodeType): void;
}

const CATEGORIES = ["tables", "code", "flow", "services", "other"] as const;

function categoryName(category: string): string {
  switch (category) {
    case "tables":
      return gettext("Tables");
    case "code":
      return gettext("Code");
    case "flow":
      return gettext("Flow");
    case "services":
      return gettext("Services");
    default:
      return gettext("Other");
  }
}

export class TypeList {
  readonly field = element("input");
  readonly list = element("div", "types");
  /** The message that nothing matches. It is outside of the list, which contains options only. */
  readonly none = element("p", "none meta");
  private options: readonly HTMLElement[] = [];
  private shown: readonly NodeType[] = [];
  private at = 0;

  constructor(private readonly asked: ListOptions) {
    const { field, list } = this;
    field.type = "text";
    field.autocomplete = "off";
    field.spellcheck = false;
    field.placeholder = asked.label;
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", `${asked.id}-list`);
    field.setAttribute("aria-label", asked.label);
    list.id = `${asked.id}-list`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", gettext("Node types"));
    this.none.setAttribute("role", "status");
    field.addEventListener("input", () => this.show());
    field.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("click", (event) => {
      const place = this.placeOf(event.target);
      if (place >= 0) this.take(place);
    });
    list.addEventListener("pointermove", (event) => {
      const place = this.placeOf(event.target);
      if (place >= 0 && place !== this.at && !asked.grouped) this.choose(place);
    });
    this.show();
  }

  /** Draws the types that match the text of the field. */
  show(): void {
    const { id, types, grouped } = this.asked;
    const guess = likely(types, this.asked.around());
    const best = matching(types.values(), this.field.value, guess);
    const inOrder = grouped
      ? CATEGORIES.flatMap((category) => best.filter((type) => categoryOf(type) === category).sort(byPalette(types)))
      : best;
    this.shown = inOrder;
    const made: HTMLElement[] = [];
    const parts: HTMLElement[] = [];
    let group: HTMLElement | null = null;
    let category = "";
    inOrder.forEach((type, place) => {
      if (grouped && categoryOf(type) !== category) {
        category = categoryOf(type);
        group = element("div");
        group.setAttribute("role", "group");
        const head = element("h2", "", categoryName(category));
        head.id = `${id}-${category}`;
        head.setAttribute("role", "presentation");
        group.setAttribute("aria-labelledby", head.id);
        group.append(head);
        parts.push(group);
      }
      const option = this.option(type, place);
      made.push(option);
      if (group) group.append(option);
      else parts.push(option);
    });
    setText(this.none, made.length ? "" : gettext("No matching node types."));
    this.list.replaceChildren(...parts);
    this.options = made;
    const first = best[0];
    this.choose(first ? inOrder.indexOf(first) : 0);
  }

  private option(type: NodeType, place: number): HTMLElement {
    const { id, grouped } = this.asked;
    const option = element(
      "div",
      "type",
      icon(type.icon),
      grouped
        ? element("span", "cut", type.name)
        : element("span", "what", element("span", "", type.name), element("span", "about", type.description)),
    );
    option.id = `${id}-${place}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset["add"] = type.type;
    option.title = grouped ? `${type.name}: ${type.description}` : type.description;
    option.draggable = grouped;
    return option;
  }

  private choose(at: number): void {
    if (!this.options.length) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    this.at = (at + this.options.length) % this.options.length;
    this.options.forEach((option, place) => setAttribute(option, "aria-selected", String(place === this.at)));
    const chosen = this.options[this.at];
    if (!chosen) return;
    this.field.setAttribute("aria-activedescendant", chosen.id);
    if (document.activeElement === this.field) chosen.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown") this.choose(this.at + 1);
    else if (event.key === "ArrowUp") this.choose(this.at - 1);
    else if (event.key === "Enter") this.take(this.at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private take(place: number): void {
    const type = this.shown[place];
    if (type) this.asked.pick(type);
  }

  private placeOf(target: EventTarget | null): number {
    const option = target instanceof Element ? target.closest<HTMLElement>("[data-add]") : null;
    return option ? this.options.indexOf(option) : -1;
  }
}

function categoryOf(type: NodeType): string {
  return (CATEGORIES as readonly string[]).includes(type.category) ? type.category : "other";
}

/** The order of the server. */
function byPalette(types: ReadonlyMap<string, NodeType>): (a: NodeType, b: NodeType) => number {
  const order = [...types.keys()];
  return (a, b) => order.indexOf(a.type) - order.indexOf(b.type);
}
