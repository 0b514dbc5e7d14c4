/** The table of a run's nodes: patches the rows whose node changed, and draws only those in view of a long one. */

import { element, icon, one, setAttribute, setHidden, setText } from "../dom";
import type { NodeRun } from "../live/protocol";
import { serverNow } from "../behaviours/clock";
import { count, duration, look, secondsBetween, visible } from "../words/words";
import { fact, stuck } from "./fact";
import { Windowed } from "./windowed";

/** Up to here all rows are in the page, as the server made them. */
const WHOLE = 200;
const BAD = ["failed", "timed_out"];

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
  private readonly stuck = new Set<string>();
  chosen: string;
  private readonly scroller: HTMLElement;
  private readonly group: HTMLElement;

  constructor(
    private readonly root: HTMLElement,
    private readonly choose: (node: string) => void,
  ) {
    const scroller = one("[data-nodes]", root);
    const group = one("[data-node-rows]", root);
    if (!scroller || !group) throw new Error("The page has no table of nodes.");
    this.scroller = scroller;
    this.group = group;
    this.chosen = root.dataset["chosen"] ?? "";
    for (const row of group.querySelectorAll<HTMLElement>("[data-node]")) this.rows.set(row.dataset["node"] ?? "", row);
    group.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-node]") : null;
      const node = row?.dataset["node"];
      if (node) this.choose(node);
    });
    scroller.addEventListener("keydown", (event) => this.key(event));
    const search = one<HTMLInputElement>("[data-node-search]", root);
    search?.addEventListener("input", () => {
      this.text = search.value.trim().toLowerCase();
      this.arrange();
    });
  }

  /** `changed` names what differs from the last call; `all`: order and number may differ too. */
  update(nodes: ReadonlyMap<string, NodeRun>, changed: ReadonlySet<string>, all: boolean): void {
    this.nodes = nodes;
    if (all || this.text || this.state) this.arrange();
    else for (const id of changed) this.patch(id);
    this.filters();
  }

  /** Looks which nodes run past twice their usual time; how many do. Time alone makes them so: called each second. */
  tick(): number {
    const now = serverNow();
    for (const [id, node] of this.nodes) {
      const is = stuck(node, now);
      if (is === this.stuck.has(id)) continue;
      if (is) this.stuck.add(id);
      else this.stuck.delete(id);
      this.patch(id);
    }
    return this.stuck.size;
  }

  select(node: string): void {
    const before = this.chosen;
    this.chosen = node;
    this.patch(before);
    this.patch(node);
    const at = this.place.get(node);
    if (at === undefined) return;
    if (this.list) this.list.reveal(at);
    else this.rows.get(node)?.scrollIntoView({ block: "nearest" });
  }

  /** The next (1) or previous (-1) node that failed or is stuck, from the chosen one. */
  step(direction: 1 | -1): void {
    const bad = this.ids.filter((id) => BAD.includes(this.nodes.get(id)?.state ?? "") || this.stuck.has(id));
    if (!bad.length) return;
    const at = this.place.get(this.chosen) ?? (direction === 1 ? -1 : this.ids.length);
    const order = direction === 1 ? bad : [...bad].reverse();
    const next = order.find((id) => ((this.place.get(id) ?? 0) - at) * direction > 0) ?? order[0];
    if (next) this.choose(next);
  }

  private key(event: KeyboardEvent): void {
    const at = this.place.get(this.chosen) ?? -1;
    const to = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? Math.max(0, at - 1) : event.key === "Home" ? 0 : event.key === "End" ? this.ids.length - 1 : null;
    if (to === null) return;
    const id = this.ids[Math.min(to, this.ids.length - 1)];
    event.preventDefault();
    if (id) this.choose(id);
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
    setHidden(row.querySelector('[data-c="stuck"]'), !this.stuck.has(id));
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
