/** The node search of a canvas: a combobox; Enter goes to the node. */

import { element, icon, setAttribute, setText } from "../dom";
import { Finder } from "../graph/find";
import { edgesAt, type Graph } from "../graph/model";
import { fill, gettext, ngettext } from "../words/i18n";
import { count, stateLook, visible } from "../words/words";
import { truncate } from "./painter";

const RESULTS_MAX = 50;
let boxes = 0;

export class NodeSearch {
  readonly root: HTMLElement;
  private readonly field = element("input");
  private readonly list = element("ul");
  private readonly status = element("p", "meta");
  private finder: Finder | null = null;
  private found: number[] = [];
  private selected = 0;

  constructor(
    private readonly graphNow: () => Graph,
    /** The state of a node in the run; empty: none. */
    private readonly stateOf: (node: number) => string,
    private readonly go: (node: number) => void,
    private readonly closed: () => void,
  ) {
    boxes += 1;
    const id = `canvas-found-${boxes}`;
    this.field.type = "search";
    this.field.placeholder = gettext("Find a node by name or ID");
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-label": gettext("Find a node by name or ID"),
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
    this.status.setAttribute("role", "status");
    const head = element("div", "find", icon("search", true), this.field);
    this.root = element("div", "float cvsearch", head, this.list, this.status);
    this.root.hidden = true;
    this.list.hidden = true;
    this.field.addEventListener("input", () => this.search());
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && this.root.contains(event.relatedTarget))) this.close(false);
    });
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-place]") : null;
      if (row) this.choose(Number(row.dataset["place"]));
    });
  }

  private get graph(): Graph {
    return this.graphNow();
  }

  /** The nodes or their names have changed. */
  reset(): void {
    this.finder = null;
    if (!this.root.hidden) this.search();
  }

  open(): void {
    this.root.hidden = false;
    this.field.focus();
    this.field.select();
    this.search();
  }

  private close(back: boolean): void {
    if (this.root.hidden) return;
    this.root.hidden = true;
    if (back) this.closed();
  }

  private onKey(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") this.close(true);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp")
      this.select(this.selected + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter") this.choose(this.selected);
    else return;
    event.preventDefault();
  }

  private choose(place: number): void {
    const node = this.found[place];
    if (node === undefined) return;
    this.close(true);
    this.go(node);
  }

  private search(): void {
    const text = this.field.value;
    this.finder ??= new Finder(this.graph);
    this.found = this.finder.find(text, RESULTS_MAX + 1);
    const more = this.found.length > RESULTS_MAX;
    this.found.length = Math.min(this.found.length, RESULTS_MAX);
    this.list.replaceChildren(...this.found.map((node, place) => this.row(node, place)));
    this.list.hidden = !this.found.length;
    setAttribute(this.field, "aria-expanded", String(this.found.length > 0));
    this.select(0);
    const number = this.found.length;
    setText(
      this.status,
      !text.trim()
        ? ""
        : !number
          ? fill(gettext("No matches in {n} nodes."), { n: count(this.graph.size) })
          : more
            ? fill(gettext("First {n} matches. Type more to narrow the list."), { n: RESULTS_MAX })
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
    row.title = truncate(
      `${name} · ${id} · ${fill(ngettext("{n} edge into it", "{n} edges into it", before), { n: before })}`,
      400,
    );
    return row;
  }

  private select(to: number): void {
    if (!this.found.length) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    this.selected = (to + this.found.length) % this.found.length;
    [...this.list.children].forEach((row, place) =>
      setAttribute(row, "aria-selected", String(place === this.selected)),
    );
    setAttribute(this.field, "aria-activedescendant", `${this.list.id}-${this.selected}`);
    this.list.children[this.selected]?.scrollIntoView({ block: "nearest" });
  }
}
