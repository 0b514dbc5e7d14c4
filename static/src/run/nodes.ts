/** The table of a run's nodes: patches the rows whose node changed, and draws only those in view of a long one. */

import { element, icon, one, setAttribute, setHidden, setText } from "../dom";
import type { NodeRun } from "../live/protocol";
import { serverNow } from "../behaviours/clock";
import { count, duration, look, secondsBetween, visible } from "../words/words";
import { fact } from "./fact";
import type { RunStore } from "./store";
import { Windowed } from "./windowed";

/** Up to here all rows are in the page, as the server made them. */
const WHOLE = 200;

const TYPE_ICONS: Readonly<Record<string, string>> = {
  noop: "dot",
  python: "py",
  "python.function": "py",
  shell: "shell",
  "table.read": "table",
  "table.sql": "sql",
  "table.write": "out",
  branch: "split",
};

export class NodeTable {
  private nodes: ReadonlyMap<string, NodeRun> = new Map();
  private ids: string[] = [];
  private place = new Map<string, number>();
  private rows = new Map<string, HTMLElement>();
  private list: Windowed | null = null;
  private state = "";
  private text = "";
  private chosen: string;
  private readonly scroller: HTMLElement;
  private readonly group: HTMLElement;

  constructor(
    private readonly store: RunStore,
    private readonly root: HTMLElement,
  ) {
    const scroller = one("[data-nodes]", root);
    const group = one("[data-node-rows]", root);
    if (!scroller || !group) throw new Error("The page has no table of nodes.");
    this.scroller = scroller;
    this.group = group;
    this.chosen = store.chosen;
    for (const row of group.querySelectorAll<HTMLElement>("[data-node]")) this.rows.set(row.dataset["node"] ?? "", row);
    group.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-node]") : null;
      const node = row?.dataset["node"];
      if (node) store.choose(node);
    });
    scroller.addEventListener("keydown", (event) => this.key(event));
    const search = one<HTMLInputElement>("[data-node-search]", root);
    search?.addEventListener("input", () => {
      this.text = search.value.trim().toLowerCase();
      this.arrange();
    });
    store.listen((change) => {
      if (change.snapshot || change.nodes.size) this.update(store.nodes, change.nodes, change.snapshot);
      for (const id of change.stuck) this.patch(id);
      if (change.chosen) this.select(store.chosen);
    });
    if (store.seq >= 0) this.update(store.nodes, new Set(), true);
  }

  /** `changed` names what differs from the last call; `all`: order and number may differ too. */
  private update(nodes: ReadonlyMap<string, NodeRun>, changed: ReadonlySet<string>, all: boolean): void {
    this.nodes = nodes;
    if (all || this.text || this.state) this.arrange();
    else for (const id of changed) this.patch(id);
    this.filters();
  }

  private select(node: string): void {
    const before = this.chosen;
    this.chosen = node;
    this.patch(before);
    this.patch(node);
    const at = this.place.get(node);
    if (at === undefined) return;
    if (this.list) this.list.reveal(at);
    else this.rows.get(node)?.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const at = this.place.get(this.chosen) ?? -1;
    const to = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? Math.max(0, at - 1) : event.key === "Home" ? 0 : event.key === "End" ? this.ids.length - 1 : null;
    if (to === null) return;
    const id = this.ids[Math.min(to, this.ids.length - 1)];
    event.preventDefault();
    if (id) this.store.choose(id);
  }

  private arrange(): void {
    this.ids = [...this.nodes.values()].filter((node) => this.fits(node)).map((node) => node.node);
    this.place = new Map(this.ids.map((id, at) => [id, at]));
    if (this.nodes.size <= WHOLE) {
      const wanted = new Set(this.ids);
      for (const [id, row] of this.rows) {
        if (!wanted.has(id)) {
          row.remove();
          this.rows.delete(id);
        }
      }
      let before: Element | null = null;
      for (const id of this.ids) {
        const row = this.rows.get(id) ?? this.blank();
        this.rows.set(id, row);
        this.fill(row, id);
        const wantedAt: Element | null = before ? before.nextElementSibling : this.group.firstElementChild;
        if (wantedAt !== row) this.group.insertBefore(row, wantedAt);
        before = row;
      }
      return;
    }
    if (!this.list) {
      const height = this.group.querySelector<HTMLElement>("[data-node]")?.offsetHeight ?? 32;
      this.group.replaceChildren();
      this.rows.clear();
      this.group.classList.add("windowed");
      this.list = new Windowed(
        this.scroller,
        this.group,
        {
          render: (index, row) => {
            const made = row ?? this.blank();
            const id = this.ids[index];
            if (id !== undefined) this.fill(made, id);
            return made;
          },
        },
        height,
      );
    }
    this.list.reset(this.ids.length);
  }

  private fits(node: NodeRun): boolean {
    if (this.state && node.state !== this.state) return false;
    return !this.text || node.name.toLowerCase().includes(this.text) || node.node.includes(this.text) || node.type.includes(this.text);
  }

  private patch(id: string): void {
    const at = this.place.get(id);
    if (at === undefined) return;
    if (this.list) this.list.changed(at);
    else {
      const row = this.rows.get(id);
      if (row) this.fill(row, id);
    }
  }

  private blank(): HTMLElement {
    const template = one<HTMLTemplateElement>("[data-node-template]", this.root);
    const row = template?.content.firstElementChild?.cloneNode(true);
    return row instanceof HTMLElement ? row : element("div", "nr");
  }

  private fill(row: HTMLElement, id: string): void {
    const node = this.nodes.get(id);
    if (!node) return;
    const style = `nr is-${node.state} st-${node.state}`;
    if (row.className !== style) row.className = style;
    setAttribute(row, "data-node", id);
    setAttribute(row, "aria-selected", String(id === this.chosen));
    setAttribute(row.querySelector(".name use"), "href", `#i-${TYPE_ICONS[node.type] ?? "dot"}`);
    setText(row.querySelector('[data-c="name"]'), visible(node.name));
    const state = row.querySelector('[data-c="state"]');
    if (state && row.dataset["shown"] !== node.state) {
      const { icon: name, word } = look(node.state);
      state.replaceChildren(element("span", `chip st-${node.state}`, icon(name), word));
      row.dataset["shown"] = node.state;
    }
    const said = fact(node);
    const about = row.querySelector('[data-c="fact"]');
    setText(about, said);
    setAttribute(about, "title", said);
    setText(row.querySelector('[data-c="try"]'), node.attempt > 1 ? String(node.attempt) : "");
    setHidden(row.querySelector('[data-c="stuck"]'), !this.store.stuck.has(id));
    // What went back to waiting has begun once, but does not go on.
    const goesOn = node.state === "running" || node.finished_at !== null;
    lasting(row.querySelector('[data-c="time"]'), goesOn ? node : { started_at: null, finished_at: null });
    const bar = row.querySelector("progress");
    const fraction = node.state === "running" ? (node.progress?.fraction ?? null) : null;
    setHidden(bar, fraction === null);
    if (bar && fraction !== null && bar.value !== fraction) bar.value = fraction;
  }

  private filters(): void {
    const place = one("[data-node-filters]", this.root);
    if (!place) return;
    const counts = new Map<string, number>();
    for (const node of this.nodes.values()) counts.set(node.state, (counts.get(node.state) ?? 0) + 1);
    if (this.state && !counts.has(this.state)) counts.set(this.state, 0);
    const states = [...counts.keys()];
    const known = [...place.children].map((child) => child.getAttribute("data-state"));
    if (counts.size < 2 && !this.state) {
      place.replaceChildren();
      return;
    }
    if (known.join() !== states.join()) {
      place.replaceChildren(
        ...states.map((state) => {
          const button = element("button", `chip st-${state}`, icon(look(state).icon), element("span"));
          button.type = "button";
          button.dataset["state"] = state;
          button.addEventListener("click", () => {
            this.state = this.state === state ? "" : state;
            this.arrange();
            this.filters();
          });
          return button;
        }),
      );
    }
    for (const child of place.children) {
      const state = child.getAttribute("data-state") ?? "";
      setText(child.querySelector("span"), `${look(state).word} ${count(counts.get(state) ?? 0)}`);
      setAttribute(child, "aria-pressed", String(state === this.state));
    }
  }
}

/** A duration that goes on while there is no end. */
export function lasting(place: Element | null, it: { readonly started_at: string | null; readonly finished_at: string | null }): void {
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
