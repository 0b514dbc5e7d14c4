/** The drawer: one part of it is shown at a time, by tabs; a part starts when it is first shown.
 *
 * On a narrow page there is one column: the panel follows the graph, then all nodes, then the drawer with what is left.
 */

import { DrawerFrame } from "../behaviours/drawer";
import { all, one, setHidden } from "../dom";
import { keepQuery, readQuery } from "./url";

export const PARTS = ["logs", "timeline", "nodes", "inputs", "events"] as const;
export type Part = (typeof PARTS)[number];

const USUAL = 280;

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

export class Drawer {
  private readonly started = new Set<Part>();
  private readonly narrow = window.matchMedia("(max-width: 900px)");
  private readonly frame: DrawerFrame;
  private shown: Part = "logs";

  constructor(
    private readonly root: HTMLElement,
    /** What starts a part; called once, right after it was first shown. */
    private readonly starts: Readonly<Partial<Record<Part, () => void>>>,
  ) {
    this.frame = new DrawerFrame(root, {
      heightKey: "interlock.drawer.height",
      foldedKey: "interlock.drawer.folded",
      defaultHeight: USUAL,
      show: (name) => this.show(name),
    });
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
    this.frame.fold(false);
    this.turn(name);
  }

  private turn(name: string): void {
    const asked = isPart(name) ? name : "logs";
    const apart = this.narrow.matches;
    const part = apart && asked === "nodes" ? "logs" : asked;
    this.shown = part;
    this.frame.mark(part);
    for (const tab of this.frame.tabs) setHidden(tab, apart && tab.dataset["drawer"] === "nodes");
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
}
