/** The drawer of a run's page: one part at a time, selected by tabs; a part is started when it is first shown.
 *
 * The narrow layout has one column: the graph, the panel, the nodes, then the drawer with the other parts.
 */

import { DrawerFrame } from "../behaviours/drawer";
import { all, one, setHidden } from "../dom";
import { setQuery, readQuery } from "./url";

const DRAWER_PARTS = ["logs", "timeline", "nodes", "inputs", "events"] as const;
type DrawerPart = (typeof DRAWER_PARTS)[number];

const DEFAULT_HEIGHT = 280;

function isPart(name: string): name is DrawerPart {
  return (DRAWER_PARTS as readonly string[]).includes(name);
}

export class Drawer {
  private readonly started = new Set<DrawerPart>();
  private readonly narrow = window.matchMedia("(max-width: 900px)");
  private readonly frame: DrawerFrame;
  private shown: DrawerPart = "logs";

  constructor(
    private readonly root: HTMLElement,
    /** Functions that start a part, called once when it is first shown. */
    private readonly starts: Readonly<Partial<Record<DrawerPart, () => void>>>,
  ) {
    this.frame = new DrawerFrame(root, {
      heightKey: "interlock.drawer.height",
      foldedKey: "interlock.drawer.folded",
      defaultHeight: DEFAULT_HEIGHT,
      show: (name) => this.show(name),
    });
    this.narrow.addEventListener("change", () => this.updateLayout());
    const asked = readQuery("drawer");
    this.shown = isPart(asked) ? asked : "logs";
    this.updateLayout();
  }

  get current(): DrawerPart {
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
    for (const each of DRAWER_PARTS) {
      const on = each === part || (apart && each === "nodes");
      setHidden(one(`#drawer-${each}`, this.root), !on);
      for (const tools of all(`[data-tools-of="${each}"]`, this.root)) setHidden(tools, !on);
      if (on) this.start(each);
    }
    setQuery("drawer", asked === "logs" ? "" : asked);
  }

  private start(part: DrawerPart): void {
    if (this.started.has(part)) return;
    this.started.add(part);
    this.starts[part]?.();
  }

  /** Puts the parts in the order of the layout, so that the tab order follows what is seen. */
  private updateLayout(): void {
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
