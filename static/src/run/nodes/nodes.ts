/** The table of a run's nodes, a virtual list whose changed rows are patched. It is started when its tab is first opened.
 *
 * The keyboard cursor (arrows) is apart from the selected node (Enter or click), so that moving through a long table causes
 * no requests.
 */

import { formatTime, serverNow } from "../../behaviours/clock";
import { all, debounced, element, icon, one, setAttribute, setHidden, setText, throttled } from "../../dom";
import type { NodeRun } from "../../live/protocol";
import { gettext } from "../../words/i18n";
import { count, duration, stateLook, secondsBetween, visible } from "../../words/words";
import { nodeSummary } from "../../words/node-summary";
import type { RunStore } from "../store";
import { sortNodes, hasDuration, isColumn, type Order, countStates, type NodeFilter } from "./table";
import { VirtualList } from "../virtual-list";

const ROW = 32;
const ROW_NARROW = 56;
/** While nodes change, rows are sorted at most this often: jumping rows cannot be read. */
const SORT_MS = 700;
const COUNT_MS = 250;

/** Icons by node type, served with the page. */
const typeIcons = (): Readonly<Record<string, string>> =>
  JSON.parse(one("#type-icons")?.textContent ?? "{}") as Record<string, string>;

export class NodeTable {
  private ids: string[] = [];
  private rowOf = new Map<string, number>();
  private order: Order = { column: null, descending: false };
  private filter: NodeFilter = { states: new Set(), text: "" };
  /** Id of the node at the keyboard cursor; empty: none. */
  private cursor: string;
  private chosen: string;
  private readonly scroller: HTMLElement;
  private readonly group: HTMLElement;
  private readonly list: VirtualList;
  /** Whether the rows are drawn here; until the first state, the served rows are shown. */
  private isOwn = false;
  private readonly icons = typeIcons();
  private readonly search: HTMLInputElement | null;
  private readonly narrow = window.matchMedia("(max-width: 640px)");

  constructor(
    private readonly store: RunStore,
    private readonly root: HTMLElement,
  ) {
    const scroller = one("[data-nodes]", root);
    const group = one("[data-node-rows]", root);
    if (!scroller || !group) throw new Error("The page has no table of nodes.");
    this.scroller = scroller;
    this.chosen = this.cursor = store.chosen;
    this.group = group;
    const height = (): number => (this.narrow.matches ? ROW_NARROW : ROW);
    this.list = new VirtualList(scroller, group, { render: (index, row) => this.render(index, row) }, height());
    this.narrow.addEventListener("change", () => this.list.setRowHeight(height()));
    group.addEventListener("click", (event) => {
      const node =
        event.target instanceof Element ? event.target.closest<HTMLElement>("[data-node]")?.dataset["node"] : "";
      if (node) this.choose(node);
    });
    scroller.addEventListener("keydown", (event) => this.onKey(event));
    this.search = one<HTMLInputElement>("[data-node-search]", root);
    this.search?.addEventListener(
      "input",
      debounced(60, () => this.setFilter({ ...this.filter, text: this.search?.value.trim().toLowerCase() ?? "" })),
    );
    for (const head of all("[data-sort]", root))
      head.addEventListener("click", () => this.sortBy(head.dataset["sort"] ?? ""));
    const chooser = one<HTMLSelectElement>("[data-node-sort]", root);
    chooser?.addEventListener("change", () =>
      this.setOrder({
        column: isColumn(chooser.value) ? chooser.value : null,
        descending: chooser.value === "duration" || chooser.value === "attempt",
      }),
    );
    this.listen();
    this.update();
    if (this.chosen) this.reveal(this.chosen);
  }

  focus(): void {
    this.scroller.focus();
  }

  focusSearch(): void {
    this.search?.focus();
    this.search?.select();
  }

  private listen(): void {
    const soon = throttled(SORT_MS, () => this.update());
    const counts = throttled(COUNT_MS, () => this.updateFilters());
    this.store.listen((change) => {
      if (change.snapshot) this.update();
      else if (change.nodes.size || change.stuck.size) {
        for (const id of change.nodes) this.patch(id);
        for (const id of change.stuck) this.patch(id);
        if (this.order.column || this.filter.states.size) soon();
        counts();
      }
      if (change.chosen) {
        const before = this.chosen;
        this.chosen = this.store.chosen;
        this.patch(before);
        if (this.chosen) {
          this.moveTo(this.chosen);
          this.patch(this.chosen);
        }
      }
    });
  }

  private choose(node: string): void {
    this.moveTo(node);
    this.store.choose(node);
  }

  private moveTo(node: string): void {
    const before = this.cursor;
    this.cursor = node;
    this.patch(before);
    this.patch(node);
    this.reveal(node);
    this.updateActive();
  }

  private reveal(node: string): void {
    const at = this.rowOf.get(node);
    if (at !== undefined && this.scroller.clientHeight > 0) this.list.reveal(at);
  }

  private updateActive(): void {
    if (this.rowOf.has(this.cursor)) setAttribute(this.scroller, "aria-activedescendant", `row-${this.cursor}`);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  private onKey(event: KeyboardEvent): void {
    if (event.target !== this.scroller || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.rowOf.get(this.cursor) ?? -1;
    const last = this.ids.length - 1;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / (this.narrow.matches ? ROW_NARROW : ROW)) - 2);
    const to: Partial<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    const wanted = to[event.key];
    if (wanted !== undefined) {
      const id = this.ids[Math.max(0, Math.min(wanted, last))];
      if (id) this.moveTo(id);
    } else if ((event.key === "Enter" || event.key === " ") && this.rowOf.has(this.cursor)) this.choose(this.cursor);
    else return;
    event.preventDefault();
  }

  private sortBy(name: string): void {
    if (!isColumn(name)) return;
    const same = this.order.column === name;
    // Ascending, descending, then document order.
    this.setOrder(
      !same
        ? { column: name, descending: false }
        : this.order.descending
          ? { column: null, descending: false }
          : { column: name, descending: true },
    );
  }

  private setOrder(order: Order): void {
    this.order = order;
    for (const head of all("[data-sort]", this.root)) {
      const on = head.dataset["sort"] === order.column;
      const cell = head.closest('[role="columnheader"]');
      setAttribute(cell, "aria-sort", on ? (order.descending ? "descending" : "ascending") : "none");
    }
    const chooser = one<HTMLSelectElement>("[data-node-sort]", this.root);
    if (chooser) chooser.value = order.column ?? "";
    this.update();
    this.scroller.scrollTop = 0;
  }

  private setFilter(wanted: NodeFilter): void {
    this.filter = wanted;
    this.update();
  }

  private update(): void {
    if (!this.store.ready) return;
    if (!this.isOwn) {
      this.isOwn = true;
      this.group.replaceChildren();
      this.group.classList.add("windowed");
    }
    this.ids = sortNodes(this.store.nodes.values(), this.filter, this.order, this.store.stuck, serverNow());
    this.rowOf = new Map(this.ids.map((id, at) => [id, at]));
    setAttribute(this.scroller, "aria-rowcount", String(this.ids.length + 1));
    this.list.reset(this.ids.length);
    const empty = one("[data-nodes-empty]", this.root);
    setHidden(empty, this.ids.length > 0);
    this.updateActive();
    this.updateFilters();
  }

  private patch(id: string): void {
    const at = this.rowOf.get(id);
    if (at !== undefined) this.list.changed(at);
  }

  private render(index: number, row: HTMLElement | null): HTMLElement {
    const made = row ?? this.newRow();
    const id = this.ids[index];
    const node = id === undefined ? undefined : this.store.nodes.get(id);
    if (node) {
      setAttribute(made, "aria-rowindex", String(index + 2));
      this.fill(made, node);
    }
    return made;
  }

  private newRow(): HTMLElement {
    const template = one<HTMLTemplateElement>("[data-node-template]", this.root);
    const row = template?.content.firstElementChild?.cloneNode(true);
    return row instanceof HTMLElement ? row : element("div", "nr");
  }

  private fill(row: HTMLElement, node: NodeRun): void {
    const id = node.node;
    const style = `nr is-${node.state} st-${node.state}${id === this.cursor ? " at" : ""}`;
    if (row.className !== style) row.className = style;
    if (row.id !== `row-${id}`) row.id = `row-${id}`;
    setAttribute(row, "data-node", id);
    setAttribute(row, "aria-selected", String(id === this.chosen));
    setAttribute(row.querySelector(".name use"), "href", `#i-${this.icons[node.type] ?? "dot"}`);
    const name = row.querySelector('[data-c="name"]');
    const shown = visible(node.name);
    setText(name, shown);
    setAttribute(name, "title", shown);
    const state = row.querySelector('[data-c="state"]');
    if (state && row.dataset["shown"] !== node.state) {
      const { icon: picture, word } = stateLook(node.state);
      state.replaceChildren(element("span", `chip st-${node.state}`, icon(picture), word));
      row.dataset["shown"] = node.state;
    }
    const known = nodeSummary(node);
    const about = row.querySelector('[data-c="fact"]');
    setText(about, known);
    setAttribute(about, "title", known);
    setText(row.querySelector('[data-c="try"]'), node.attempt ? String(node.attempt) : "");
    setText(
      row.querySelector('[data-c="start"]'),
      node.started_at && hasDuration(node) ? formatTime(node.started_at, "time", serverNow()) : "",
    );
    setHidden(row.querySelector('[data-c="stuck"]'), !this.store.stuck.has(id));
    showDuration(
      row.querySelector('[data-c="time"]'),
      hasDuration(node) ? node : { started_at: null, finished_at: null },
    );
    const bar = row.querySelector("progress");
    const fraction = node.state === "running" ? (node.progress?.fraction ?? null) : null;
    setHidden(bar, fraction === null);
    if (bar && fraction !== null && bar.value !== fraction) bar.value = fraction;
  }

  /** Updates the chips that show the number of nodes by state and filter by it. */
  private updateFilters(): void {
    const place = one("[data-node-filters]", this.root);
    if (!place) return;
    const counts = countStates(this.store.nodes.values(), this.store.stuck.size);
    // Keep pressed chips, even at 0, so that they can be released.
    for (const state of this.filter.states) if (!counts.has(state)) counts.set(state, 0);
    if (counts.size < 2 && !this.filter.states.size) {
      place.replaceChildren();
      return;
    }
    const chips = new Map([...place.children].map((chip) => [chip.getAttribute("data-state") ?? "", chip]));
    let at: Element | null = place.firstElementChild;
    for (const [state, n] of counts) {
      const chip: Element = chips.get(state) ?? this.filterChip(state);
      chips.delete(state);
      setText(
        chip.querySelector("span"),
        `${state === "stuck" ? gettext("Stuck") : stateLook(state).word} ${count(n)}`,
      );
      setAttribute(chip, "aria-pressed", String(this.filter.states.has(state)));
      if (chip === at) at = at.nextElementSibling;
      else place.insertBefore(chip, at);
    }
    for (const gone of chips.values()) gone.remove();
  }

  private filterChip(state: string): HTMLElement {
    const button = element(
      "button",
      `chip st-${state}`,
      icon(state === "stuck" ? "warn" : stateLook(state).icon),
      element("span"),
    );
    button.type = "button";
    button.dataset["state"] = state;
    button.addEventListener("click", () => {
      const states = new Set(this.filter.states);
      if (!states.delete(state)) states.add(state);
      this.setFilter({ ...this.filter, states });
    });
    return button;
  }
}

/** Shows a duration, which keeps counting while there is no end. */
export function showDuration(
  place: Element | null,
  it: { readonly started_at: string | null; readonly finished_at: string | null },
): void {
  const span = place?.firstElementChild;
  if (!(span instanceof HTMLElement)) return;
  if (!it.started_at) {
    setText(span, "–");
    setAttribute(span, "data-since", "");
  } else if (it.finished_at) {
    span.removeAttribute("data-since");
    setText(span, duration(secondsBetween(it.started_at, it.finished_at)));
  } else {
    setAttribute(span, "data-since", it.started_at);
    setText(span, duration(Math.max(0, (serverNow() - Date.parse(it.started_at)) / 1000)));
  }
}
