/** The search of the canvas: a field with a list; Enter goes to the node. */

import { element, icon, setAttribute, setText } from "../dom";
import { Finder } from "../graph/find";
import { edgesAt, type Graph } from "../graph/model";
import { fill, gettext, ngettext } from "../words/i18n";
import { count, stateLook, visible } from "../words/words";
import { cutTo } from "./painter";

const LISTED = 50;
let boxes = 0;

export class Search {
  readonly root: HTMLElement;
  private readonly field = element("input");
  private readonly list = element("ul");
  private readonly said = element("p", "meta");
  private finder: Finder | null = null;
  private found: number[] = [];
  private at = 0;

  constructor(
    private readonly graphNow: () => Graph,
    /** State of a node in a run; empty: it has none. */
    private readonly stateOf: (node: number) => string,
    private readonly go: (node: number) => void,
    private readonly closed: () => void,
  ) {
    boxes += 1;
    const id = `canvas-found-${boxes}`;
    this.field.type = "search";
    this.field.placeholder = gettext("Find a node by name or id");
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-label": gettext("Find a node by name or id"),
      "aria-controls": id,
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      autocomplete: "off",
      spellcheck: "false",
    }))
      this.field.setAttribute(name, value);
    this.list.id = id;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", gettext("Nodes found"));
    this.said.setAttribute("role", "status");
    const head = element("div", "find", icon("search", true), this.field);
    this.root = element("div", "float cvsearch", head, this.list, this.said);
    this.root.hidden = true;
    this.list.hidden = true;
    this.field.addEventListener("input", () => this.look());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && this.root.contains(event.relatedTarget))) this.close(false);
    });
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-place]") : null;
      if (row) this.take(Number(row.dataset["place"]));
    });
  }

  private get graph(): Graph {
    return this.graphNow();
  }

  /** Nodes have other names, or are others. */
  renew(): void {
    this.finder = null;
    if (!this.root.hidden) this.look();
  }

  open(): void {
    this.root.hidden = false;
    this.field.focus();
    this.field.select();
    this.look();
  }

  private close(back: boolean): void {
    if (this.root.hidden) return;
    this.root.hidden = true;
    if (back) this.closed();
  }

  private key(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") this.close(true);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp")
      this.point(this.at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter") this.take(this.at);
    else return;
    event.preventDefault();
  }

  private take(place: number): void {
    const node = this.found[place];
    if (node === undefined) return;
    this.close(true);
    this.go(node);
  }

  private look(): void {
    const text = this.field.value;
    this.finder ??= new Finder(this.graph);
    this.found = this.finder.find(text, LISTED + 1);
    const more = this.found.length > LISTED;
    this.found.length = Math.min(this.found.length, LISTED);
    this.list.replaceChildren(...this.found.map((node, place) => this.row(node, place)));
    this.list.hidden = !this.found.length;
    setAttribute(this.field, "aria-expanded", String(this.found.length > 0));
    this.point(0);
    const number = this.found.length;
    setText(
      this.said,
      !text.trim()
        ? ""
        : !number
          ? fill(gettext("None of {n} nodes has this in its name or id."), { n: count(this.graph.size) })
          : more
            ? fill(gettext("The first {n}; type more to narrow it down."), { n: LISTED })
            : fill(ngettext("{n} node", "{n} nodes", number), { n: count(number) }),
    );
  }

  private row(node: number, place: number): HTMLElement {
    const state = this.stateOf(node);
    const name = visible((this.graph.names[node] ?? "").slice(0, 300));
    const id = this.graph.ids[node] ?? "";
    const mark = state
      ? element(
          "span",
          `c st-${state}`,
          icon(stateLook(state).icon, true),
          element("span", "sr", stateLook(state).word),
        )
      : element("span", "c", icon(this.graph.icons.get(this.graph.types[node] ?? "") ?? "dot", true));
    const before = edgesAt(this.graph.into, node).length;
    const row = element(
      "li",
      "",
      mark,
      element("span", "cut grow", name),
      element("span", "meta cut", id === this.graph.names[node] ? "" : id),
    );
    row.setAttribute("role", "option");
    row.id = `${this.list.id}-${place}`;
    row.dataset["place"] = String(place);
    row.title = cutTo(
      `${name} · ${id} · ${fill(ngettext("{n} edge into it", "{n} edges into it", before), { n: before })}`,
      400,
    );
    return row;
  }

  private point(to: number): void {
    if (!this.found.length) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    this.at = (to + this.found.length) % this.found.length;
    [...this.list.children].forEach((row, place) => setAttribute(row, "aria-selected", String(place === this.at)));
    setAttribute(this.field, "aria-activedescendant", `${this.list.id}-${this.at}`);
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }
}
