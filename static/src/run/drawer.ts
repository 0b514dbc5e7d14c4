/** The drawer: one part of it is shown at a time, by tabs; a part starts when it is first shown. */

import { all, one, setAttribute, setHidden } from "../dom";
import { keepQuery, readQuery } from "./address";

export const PARTS = ["logs", "timeline", "nodes", "inputs", "events"] as const;
export type Part = (typeof PARTS)[number];

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

export class Drawer {
  private readonly started = new Set<Part>();
  private shown: Part = "logs";

  constructor(
    private readonly root: HTMLElement,
    /** What starts a part; called once, right after it was first shown. */
    private readonly starts: Readonly<Partial<Record<Part, () => void>>>,
  ) {
    for (const tab of this.tabs()) tab.addEventListener("click", () => this.show(tab.dataset["drawer"] ?? ""));
    one('[role="tablist"]', one(".drawbar", root) ?? root)?.addEventListener("keydown", (event) => this.key(event));
    this.show(readQuery("drawer") || this.shown);
  }

  get current(): Part {
    return this.shown;
  }

  /** Shows a part; a name that is none shows the logs. */
  show(name: string): void {
    const part = isPart(name) ? name : "logs";
    this.shown = part;
    for (const tab of this.tabs()) {
      const on = tab.dataset["drawer"] === part;
      setAttribute(tab, "aria-selected", String(on));
      setAttribute(tab, "tabindex", on ? "0" : "-1");
    }
    for (const name of PARTS) {
      setHidden(one(`#drawer-${name}`, this.root), name !== part);
      for (const tools of all(`[data-tools-of="${name}"]`, this.root)) setHidden(tools, name !== part);
    }
    keepQuery("drawer", part === "logs" ? "" : part);
    if (!this.started.has(part)) {
      this.started.add(part);
      this.starts[part]?.();
    }
  }

  private tabs(): HTMLElement[] {
    return all("[data-drawer]", this.root);
  }

  private key(event: KeyboardEvent): void {
    const tabs = this.tabs();
    const at = tabs.findIndex((tab) => tab.dataset["drawer"] === this.shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    this.show(tab?.dataset["drawer"] ?? "");
    tab?.focus();
  }
}
