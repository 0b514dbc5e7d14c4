/** The canvas of a run: its graph with live states, and how people navigate and select in it. */

import { Scene } from "./scene";
import type { ReactNode } from "react";
import type { Arranged } from "../../graph/layout/layout";
import { edgesAt, type Graph, isPlaced } from "../../graph/model";
import { type Direction, neighbour } from "../../graph/walk";
import type { Change, RunStore } from "../../run/store";
import { gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { runCard } from "./card";
import { NodeDescriber } from "./describe";
import { fillTools } from "../frame";
import { type Gestures, listenToGestures } from "../gestures";
import { cardLineText } from "../card-line";
import { boxOf, STATES } from "../picture";
import { NodeSearch } from "../search";
import { type SurfaceClient, Surface } from "../surface";
import { ZOOM_CARDS } from "../viewport";

interface RunPage {
  /** Milliseconds since 1970 by the server's clock. */
  now(): number;
  layOut(): Promise<Arranged>;
  /** Gives the keyboard focus to the panel of the selected node. */
  focusPanel(): void;
}

const NONE: ReadonlySet<number> = new Set();

export class RunBoard implements SurfaceClient {
  private readonly surface: Surface;
  private readonly nodeSearch: NodeSearch;
  private readonly describer: NodeDescriber;
  private readonly gestures: Gestures;
  private readonly abort = new AbortController();
  private readonly unlisten: () => void;
  private readonly stuckWord = gettext("stuck");
  private scene: Scene;
  private chosen = -1;
  private seq = -1;
  private isRelaid = false;
  private layoutButton: HTMLElement | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: RunStore,
    private readonly graph: Graph,
    private readonly initialLayout: Arranged,
    private readonly page: RunPage,
  ) {
    this.describer = new NodeDescriber(graph, store, page.now);
    this.scene = new Scene(graph, initialLayout);
    this.surface = new Surface(host, this.scene, this, {
      keyboardHelp: gettext(
        "Arrow keys walk along the edges, Enter opens a node, Escape leaves. The tab Nodes lists all nodes with their states as a table.",
      ),
      panRoom: 0,
      alwaysShowMap: true,
    });
    this.nodeSearch = new NodeSearch(
      () => graph,
      (node) => STATES[this.scene.states[node] ?? 0] ?? "pending",
      (node) => this.goTo(node),
      () => this.focus(),
    );
    host.append(this.nodeSearch.root);
    this.gestures = listenToGestures(this.surface.frame.stage, this.surface.viewport, () => this.surface.narrow);
    this.tools();
    this.unlisten = store.listen((change) => this.onChange(change));
    this.listen();
    this.updateAll();
    this.chosen = this.graph.index.get(store.chosen) ?? -1;
    this.surface.resized();
  }

  // Actions

  fit(): void {
    this.surface.fit();
  }

  fitChosen(): void {
    const node = this.chosen;
    if (node < 0) {
      this.fit();
      return;
    }
    const own = boxOf(this.scene, node);
    let { left, top, right, bottom } = own;
    const around = [...edgesAt(this.graph.into, node)]
      .map((edge) => this.graph.sources[edge] ?? 0)
      .concat([...edgesAt(this.graph.outOf, node)].map((edge) => this.graph.targets[edge] ?? 0));
    for (const other of around) {
      const box = boxOf(this.scene, other);
      left = Math.min(left, box.left);
      top = Math.min(top, box.top);
      right = Math.max(right, box.right);
      bottom = Math.max(bottom, box.bottom);
    }
    const { viewport } = this.surface;
    // Include neighbours as long as the node stays readable.
    const readable = Math.min(viewport.width / (right - left + 1), viewport.height / (bottom - top + 1)) >= ZOOM_CARDS;
    this.surface.fitBox(readable ? { left, top, right, bottom } : own);
  }

  focus(): void {
    this.surface.frame.stage.focus({ preventScroll: true });
  }

  search(): void {
    this.nodeSearch.open();
  }

  walk(direction: Direction): void {
    const { surface } = this;
    if (surface.focused < 0) {
      surface.setFocus(this.chosen >= 0 ? this.chosen : surface.centreNode());
      return;
    }
    const next = neighbour(this.graph, this.scene.at, surface.focused, direction);
    if (next >= 0) surface.setFocus(next);
    else surface.announceNoNeighbour(direction);
  }

  destroy(): void {
    this.abort.abort();
    this.gestures.stop();
    this.unlisten();
    this.surface.destroy();
  }

  private goTo(node: number): void {
    this.surface.setFocus(node);
    this.store.choose(this.graph.ids[node] ?? "");
    this.surface.goTo(node);
  }

  /** Lays out the graph automatically; the second time, restores the author's positions. */
  private async toggleLayout(): Promise<void> {
    const arranged = this.isRelaid ? this.initialLayout : await this.page.layOut();
    if (this.abort.signal.aborted) return;
    this.isRelaid = !this.isRelaid && isPlaced(this.graph);
    this.layoutButton?.setAttribute("aria-pressed", String(this.isRelaid));
    this.scene = new Scene(this.graph, arranged);
    this.surface.show(this.scene);
    this.updateAll();
    this.fit();
  }

  // Updates

  private updateAll(): void {
    this.scene.update(this.store.nodes, this.graph.ids, this.store.stuck);
    this.surface.invalidateAllCards();
    this.surface.repaintAll();
  }

  private onChange(change: Change): void {
    if (change.snapshot) this.updateAll();
    else {
      const ids = change.stuck.size ? new Set([...change.nodes, ...change.stuck]) : change.nodes;
      if (ids.size) {
        const nodes = this.scene.update(this.store.nodes, ids, this.store.stuck);
        for (const node of nodes) {
          this.surface.invalidateCard(node);
          // Cards of pending nodes name what they wait for.
          for (const edge of edgesAt(this.graph.outOf, node))
            this.surface.invalidateCard(this.graph.targets[edge] ?? 0);
        }
        this.surface.recolour(nodes);
      }
    }
    if (change.chosen) {
      const node = this.graph.index.get(this.store.chosen) ?? -1;
      this.surface.invalidateCard(this.chosen);
      this.surface.invalidateCard(node);
      this.chosen = node;
      if (node >= 0) this.surface.reveal(node);
      this.surface.repaint();
    }
    this.surface.requestFrame();
  }

  // Called by the surface

  paintState(): ReturnType<SurfaceClient["paintState"]> {
    return {
      chosen: this.chosen < 0 ? NONE : new Set([this.chosen]),
      line: (node) => cardLineText(this.describer.line(this.scene, node), this.page.now()),
    };
  }

  renderCard(key: string): ReactNode {
    const { graph, store } = this;
    const node = Number(key);
    const id = graph.ids[node] ?? "";
    return runCard(
      {
        id,
        name: graph.names[node] ?? id,
        icon: graph.icons.get(graph.types[node] ?? "") ?? "dot",
        run: store.nodes.get(id),
        line: this.describer.line(this.scene, node),
        stuck: this.scene.stuck[node] === 1,
        chosen: node === this.chosen,
        focused: node === this.surface.focused,
      },
      this.page.now,
      this.stuckWord,
    );
  }

  describe(node: number): string {
    return this.describer.describe(this.scene, node);
  }

  beforeFrame(): boolean {
    return false;
  }

  afterFrame(): void {
    if (this.seq === this.store.seq) return;
    this.seq = this.store.seq;
    this.host.dataset["drawn"] = String(this.seq);
  }

  // Input

  private tools(): void {
    const { surface } = this;
    fillTools(surface.frame.tools, [
      ...surface.viewTools(() => this.search()),
      {
        icon: "tidy",
        label: gettext("Arrange automatically (this view only)"),
        act: () => void this.toggleLayout(),
      },
    ]);
    this.layoutButton =
      surface.frame.tools.lastElementChild instanceof HTMLElement ? surface.frame.tools.lastElementChild : null;
    this.keys = new Map<string, () => void>([
      ["ArrowLeft", () => this.walk("left")],
      ["ArrowRight", () => this.walk("right")],
      ["ArrowUp", () => this.walk("up")],
      ["ArrowDown", () => this.walk("down")],
      ["+", () => surface.zoom(1.25)],
      ["=", () => surface.zoom(1.25)],
      ["-", () => surface.zoom(0.8)],
      ["f", () => this.fit()],
      ["F", () => this.fitChosen()],
      ["/", () => this.search()],
      ["Escape", () => surface.frame.stage.blur()],
      ["Enter", () => this.openFocused()],
      [" ", () => this.openFocused()],
    ]);
  }

  private keys: ReadonlyMap<string, () => void> = new Map();

  private openFocused(): void {
    const { focused } = this.surface;
    if (focused < 0) return;
    this.store.choose(this.graph.ids[focused] ?? "");
    this.page.focusPanel();
  }

  private listen(): void {
    const { surface } = this;
    const { stage } = surface.frame;
    const listen = { signal: this.abort.signal };
    stage.addEventListener(
      "keydown",
      (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target !== stage) return;
        const act = this.keys.get(event.key);
        if (!act) return;
        event.preventDefault();
        event.stopPropagation();
        act();
      },
      listen,
    );
    stage.addEventListener(
      "focus",
      () => {
        if (stage.matches(":focus-visible")) surface.setFocus(this.chosen >= 0 ? this.chosen : surface.centreNode());
      },
      listen,
    );
    stage.addEventListener("blur", () => surface.setFocus(-1), listen);
    stage.addEventListener("pointerdown", () => surface.setFocus(-1), listen);
    stage.addEventListener("click", (event) => this.onClick(event), listen);
    stage.addEventListener("pointermove", (event) => this.onHover(event), listen);
  }

  private onClick(event: MouseEvent): void {
    if (this.gestures.wasDragged()) {
      this.surface.fitted = false;
      return;
    }
    const { x, y } = this.surface.pointOf(event);
    const point = this.surface.viewport.toGraph(x, y);
    const node = this.scene.grid.hit(point.x, point.y);
    if (node >= 0) {
      this.store.choose(this.graph.ids[node] ?? "");
      return;
    }
    const counted = this.surface.labelAt(x, y);
    const id = counted >= 0 ? (this.graph.ids[counted] ?? "") : "";
    this.store.choose(id);
    if (id) this.host.dispatchEvent(new CustomEvent("run:output", { bubbles: true, detail: id }));
  }

  /** Painted nodes and labels have no element of their own: their tooltips are set on the stage. */
  private onHover(event: PointerEvent): void {
    if (event.buttons || event.pointerType === "touch") return;
    const { surface } = this;
    const { stage } = surface.frame;
    const { x, y } = surface.pointOf(event);
    const point = surface.viewport.toGraph(x, y);
    const node = this.scene.grid.hit(point.x, point.y);
    const counted = node < 0 ? surface.labelAt(x, y) : -1;
    const title =
      node >= 0
        ? surface.cardNodes.has(node)
          ? ""
          : visible((this.graph.names[node] ?? "").slice(0, 2000))
        : counted >= 0
          ? gettext("Show these rows")
          : "";
    if (stage.title !== title) stage.title = title;
    stage.classList.toggle("pointing", node >= 0 || counted >= 0);
  }
}
