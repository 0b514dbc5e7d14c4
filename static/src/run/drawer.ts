/** The drawer: one part of it is shown at a time, by tabs; a part starts when it is first shown. It is as high as it was
 * last left, by mouse or keyboard, and folds to its tabs.
 *
 * On a narrow page there is one column: the panel follows the graph, then all nodes, then the drawer with what is left.
 */

import { all, one, setAttribute, setHidden } from "../dom";
import { keepQuery, readQuery } from "./address";

export const PARTS = ["logs", "timeline", "nodes", "inputs", "events"] as const;
export type Part = (typeof PARTS)[number];

const HEIGHT_KEY = "interlock.drawer.height";
const FOLDED_KEY = "interlock.drawer.folded";
const USUAL = 280;
const LEAST = 120;
/** What stays of the graph above it, with the page's head. */
const ABOVE = 220;
const STEP = 24;

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

export class Drawer {
  private readonly started = new Set<Part>();
  private readonly narrow = window.matchMedia("(max-width: 900px)");
  private shown: Part = "logs";
  private height = USUAL;
  private folded = false;

  constructor(
    private readonly root: HTMLElement,
    /** What starts a part; called once, right after it was first shown. */
    private readonly starts: Readonly<Partial<Record<Part, () => void>>>,
  ) {
    for (const tab of this.tabs()) tab.addEventListener("click", () => this.show(tab.dataset["drawer"] ?? ""));
    one('.drawbar [role="tablist"]', root)?.addEventListener("keydown", (event) => this.key(event));
    one("[data-drawer-fold]", root)?.addEventListener("click", () => this.fold(!this.folded));
    this.grip();
    this.resize(Number(read(HEIGHT_KEY)) || USUAL);
    this.fold(read(FOLDED_KEY) === "1");
    this.narrow.addEventListener("change", () => this.lay());
    const asked = readQuery("drawer");
    this.shown = isPart(asked) ? asked : "logs";
    this.lay();
  }

  get current(): Part {
    return this.shown;
  }

  /** Shows a part, unfolding the drawer; a name that is none shows the logs. */
  show(name: string): void {
    this.fold(false);
    this.turn(name);
  }

  private turn(name: string): void {
    const asked = isPart(name) ? name : "logs";
    const apart = this.narrow.matches;
    const part = apart && asked === "nodes" ? "logs" : asked;
    this.shown = part;
    for (const tab of this.tabs()) {
      const on = tab.dataset["drawer"] === part;
      setAttribute(tab, "aria-selected", String(on));
      setAttribute(tab, "tabindex", on ? "0" : "-1");
      setHidden(tab, apart && tab.dataset["drawer"] === "nodes");
    }
    for (const each of PARTS) {
      const on = each === part || (apart && each === "nodes");
      setHidden(one(`#drawer-${each}`, this.root), !on);
      for (const tools of all(`[data-tools-of="${each}"]`, this.root)) setHidden(tools, !on);
      if (on) this.start(each);
    }
    keepQuery("drawer", asked === "logs" ? "" : asked);
  }

  private start(part: Part): void {
    if (this.started.has(part)) return;
    this.started.add(part);
    this.starts[part]?.();
  }

  /** Puts the parts in the order in which they are read on this width: what is seen next is reached next. */
  private lay(): void {
    const drawer = one(".drawer", this.root);
    const panel = one("[data-panel]", this.root);
    const nodes = one("#drawer-nodes", this.root);
    const tools = one('[data-tools-of="nodes"]', this.root);
    if (drawer && panel && nodes && tools) {
      if (this.narrow.matches) {
        drawer.before(panel, nodes);
        nodes.prepend(tools);
      } else if (!drawer.contains(nodes)) {
        drawer.append(nodes);
        drawer.after(panel);
        one(".drawfold", drawer)?.before(tools);
      }
    }
    this.turn(this.shown);
  }

  private tabs(): HTMLElement[] {
    return all("[data-drawer]", this.root);
  }

  private key(event: KeyboardEvent): void {
    const tabs = this.tabs().filter((tab) => !tab.hidden);
    const at = tabs.findIndex((tab) => tab.dataset["drawer"] === this.shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    this.show(tab?.dataset["drawer"] ?? "");
    tab?.focus();
  }

  private get most(): number {
    return Math.max(LEAST, window.innerHeight - ABOVE);
  }

  private resize(height: number): void {
    this.height = Math.round(Math.max(LEAST, Math.min(height, this.most)));
    this.root.style.setProperty("--drawer", `${this.height}px`);
    const grip = one("[data-drawer-grip]", this.root);
    setAttribute(grip, "aria-valuenow", String(this.height));
    setAttribute(grip, "aria-valuemin", String(LEAST));
    setAttribute(grip, "aria-valuemax", String(this.most));
  }

  private fold(folded: boolean): void {
    if (folded === this.folded) return;
    this.folded = folded;
    this.root.classList.toggle("folded", folded);
    setAttribute(one("[data-drawer-fold]", this.root), "aria-expanded", String(!folded));
    keep(FOLDED_KEY, folded ? "1" : "");
  }

  private grip(): void {
    const grip = one("[data-drawer-grip]", this.root);
    if (!grip) return;
    let from: { readonly y: number; readonly height: number } | null = null;
    grip.addEventListener("pointerdown", (event) => {
      from = { y: event.clientY, height: this.folded ? LEAST : this.height };
      grip.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    grip.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.fold(false);
      this.resize(from.height + from.y - event.clientY);
    });
    const done = (): void => {
      if (from) keep(HEIGHT_KEY, String(this.height));
      from = null;
    };
    grip.addEventListener("pointerup", done);
    grip.addEventListener("pointercancel", done);
    grip.addEventListener("dblclick", () => this.fold(!this.folded));
    grip.addEventListener("keydown", (event) => {
      const to = { ArrowUp: this.height + STEP, ArrowDown: this.height - STEP, Home: LEAST, End: this.most }[event.key];
      if (event.key === "Enter") this.fold(!this.folded);
      else if (to !== undefined) {
        this.fold(false);
        this.resize(to);
        keep(HEIGHT_KEY, String(this.height));
      } else return;
      event.preventDefault();
    });
    window.addEventListener("resize", () => this.resize(this.height));
  }
}

// Storage may be forbidden: then the drawer is as high as usual.
function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch (error) {
    if (error instanceof DOMException) return "";
    throw error;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
