/** The editor's canvas: follows the document's store. The look of nodes and edges is in `appearance.ts`; input is handled in
 * `pointer.ts`, `keys.ts`, `connection-tool.ts` and `drop.ts`. */

import type { CanvasPage, DrawerTab, EditCanvas } from "./page";
import type { ReactNode } from "react";
import { serverNow } from "../../behaviours/clock";
import type { Problem } from "../../document/problems";
import type { EditorStore, Update } from "../../document/store";
import { type Difference, type DocNode, nodeOf } from "../../document/document";
import { edgesAt, NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import { outPorts } from "../../document/ports";
import { type Direction, neighbour } from "../../graph/walk";
import { gettext } from "../../words/i18n";
import { fillTools } from "../frame";
import { type Gestures, listenToGestures } from "../gestures";
import { cardLineText } from "../card-line";
import { boundsOf, boxOf } from "../picture";
import { NodeSearch } from "../search";
import { type SurfaceClient, Surface } from "../surface";
import { ZOOM_CARDS } from "../viewport";
import { CanvasActions } from "./actions";
import { editCard, type EditCardFacts } from "./card";
import { DropTarget } from "./drop";
import { EmptyState } from "./empty-state";
import { CanvasKeys } from "./keys";
import { Appearance } from "./appearance";
import { Overlay } from "./overlay";
import type { DerivedPositions } from "./derived-positions";
import { PointerInput } from "./pointer";
import { NameField } from "./rename";
import { EditScene } from "./scene";
import { describeEdge, describeNode } from "./descriptions";
import { AutoLayout } from "./auto-layout";
import { ConnectionTool } from "./connection-tool";

/** How far one can pan beyond the graph, to add nodes there. */
const PAN_ROOM = 4000;
/** Changes of more nodes than these do not move the view. */
const REVEALED_MAX = 50;

export class EditBoard implements SurfaceClient, EditCanvas {
  readonly surface: Surface;
  readonly scene: EditScene;
  readonly overlay: Overlay;
  readonly connectionTool: ConnectionTool;
  readonly actions: CanvasActions;
  readonly gestures: Gestures;
  readonly store: EditorStore;
  readonly appearance = new Appearance(this);
  private readonly pointer: PointerInput;
  private readonly nodeSearch: NodeSearch;
  private readonly nameField: NameField;
  private readonly autoLayout: AutoLayout;
  private readonly keys: CanvasKeys;
  private readonly emptyState: EmptyState;
  /** Numbers of the selected nodes and edges. */
  chosen: ReadonlySet<number> = new Set();
  chosenEdges: readonly number[] = [];
  private drawnEdits = -1;
  /** The problems that are shown. */
  private shownProblems: readonly Problem[] = [];

  constructor(
    readonly host: HTMLElement,
    readonly page: CanvasPage,
    readonly derivedPositions: DerivedPositions,
  ) {
    const { store, types } = page;
    this.store = store;
    this.scene = new EditScene(store.doc, {
      icons: new Map([...types.values()].map((type) => [type.type, type.icon])),
      ports: (node) => outPorts(node, types),
      position: (node) => derivedPositions.at(node),
      rowCount: (id) => this.appearance.rowCount(id),
    });
    this.surface = new Surface(host, this.scene, this, {
      keyboardHelp: gettext(
        "Arrow keys move along edges and select. Enter opens the selection, N adds a node, C connects, F2 renames, Delete removes, Shift and arrow keys move. Press question mark for all shortcuts.",
      ),
      panRoom: PAN_ROOM,
      alwaysShowMap: false,
    });
    const { stage } = this.surface.frame;
    this.overlay = new Overlay(stage);
    this.actions = new CanvasActions(this);
    this.connectionTool = new ConnectionTool(this);
    this.pointer = new PointerInput(this);
    this.gestures = listenToGestures(
      stage,
      this.surface.viewport,
      () => false,
      (event) => this.pointer.startDrag(event),
    );
    this.pointer.listen();
    this.nameField = new NameField(this);
    this.autoLayout = new AutoLayout(this);
    new DropTarget(this).listen();
    this.keys = new CanvasKeys(this);
    this.keys.listen();
    this.nodeSearch = new NodeSearch(
      () => this.scene.graph,
      () => "",
      (node) => {
        this.choose([this.scene.key(node)]);
        this.surface.setFocus(node);
        this.surface.goTo(node);
      },
      () => this.focus(),
    );
    host.append(this.nodeSearch.root);
    this.emptyState = new EmptyState(this);
    fillTools(
      this.surface.frame.tools,
      this.surface.viewTools(() => this.search()),
    );
    store.listen((update) => this.onUpdate(update));
    this.appearance.followRun();
    this.appearance.updateAllStates();
    this.onSelection();
    this.emptyState.show(!this.scene.graph.size);
    this.surface.resized();
  }

  // Updates

  private onUpdate(update: Update): void {
    const rebuilt = update.doc !== null && this.onDocument(update.doc);
    if (update.run) this.appearance.followRun();
    if (update.outputs || update.run) {
      this.scene.updateAllLabels();
      this.surface.repaint();
    }
    // A check with the same result changes nothing.
    const found = update.problems && this.store.problems !== this.shownProblems;
    this.shownProblems = this.store.problems;
    if (found || update.marks || update.run || update.outputs) this.appearance.updateAllStates();
    if (update.selection || rebuilt) this.onSelection();
    if (update.selection && !update.doc) this.revealChanged([...this.store.selection.nodes]);
    this.surface.requestFrame();
  }

  /** Updates the picture; returns whether nodes and edges have new numbers. */
  private onDocument(diff: Difference): boolean {
    const { surface, scene, store } = this;
    const focused = surface.focused >= 0 ? scene.key(surface.focused) : null;
    // While a node is dragged, the picture differs from the document.
    this.gestures.cancel();
    this.keys.cancelConnection();
    this.autoLayout.finishAnimation();
    this.derivedPositions.update(store.doc, diff);
    const { rebuilt, nodes, moved } = scene.update(store.doc, diff);
    surface.fitted = false;
    if (rebuilt) {
      surface.focused = focused === null ? -1 : scene.find(focused);
      this.pointer.edgesRenumbered();
      surface.show(scene);
      this.appearance.updateAllStates();
      for (const id of diff.changed) surface.invalidateCard(scene.find(id));
      this.nodeSearch.reset();
      this.emptyState.show(!scene.graph.size);
    } else {
      for (const node of nodes) {
        surface.painter.forgetName(node);
        surface.invalidateCard(node);
        this.appearance.updateState(node);
      }
      if (moved && !this.autoLayout.startAnimation()) surface.positionsChanged();
      if (nodes.length) this.nodeSearch.reset();
      if (nodes.length || moved) surface.repaint();
    }
    // Show all of a document that replaced another one.
    if (diff.added.length && diff.added.length === scene.graph.size && diff.removed.length) this.fit();
    else this.revealChanged(diff.added.length ? diff.added : diff.changed);
    return rebuilt;
  }

  /** Shows the first changed node, if none of them is in view. */
  private revealChanged(ids: readonly string[]): void {
    const [first] = ids;
    if (first === undefined || ids.length > REVEALED_MAX || !this.surface.animates) return;
    const view = this.surface.viewport.box();
    const seen = (id: string): boolean => {
      const node = this.scene.find(id);
      if (node < 0) return true;
      const box = boxOf(this.scene, node);
      return box.left < view.right && box.right > view.left && box.top < view.bottom && box.bottom > view.top;
    };
    if (!ids.some(seen)) this.reveal([first]);
  }

  private onSelection(): void {
    const { selection } = this.store;
    const before = this.chosen;
    const chosen = new Set<number>();
    for (const id of selection.nodes) {
      const node = this.scene.find(id);
      if (node >= 0) chosen.add(node);
    }
    this.chosen = chosen;
    for (const node of before) if (!chosen.has(node)) this.surface.invalidateCard(node);
    for (const node of chosen) this.surface.invalidateCard(node);
    this.chosenEdges = [...selection.edges].map((key) => this.scene.findEdge(key)).filter((edge) => edge >= 0);
    this.appearance.updateEdgeStyles();
    this.pointer.updateEdgeControls();
    this.surface.repaint();
  }

  nodeOf(id: string): DocNode | undefined {
    return nodeOf(this.store.doc, id);
  }

  // Called by the surface

  paintState(): ReturnType<SurfaceClient["paintState"]> {
    return {
      chosen: this.chosen,
      line: (node) => cardLineText(this.appearance.line(this.scene.key(node)), serverNow()),
    };
  }

  renderCard(key: string): ReactNode {
    const { appearance, scene } = this;
    const node = scene.find(key);
    const run = appearance.runOf(key);
    const { state, problem } = appearance.state(key);
    appearance.cardDrawn(key);
    const facts: EditCardFacts = {
      id: key,
      name: scene.graph.names[node] ?? key,
      icon: scene.graph.icons.get(scene.graph.types[node] ?? "") ?? "dot",
      line: appearance.line(key),
      state,
      problem,
      fraction: state === "running" ? (run?.progress?.fraction ?? null) : null,
      mark: appearance.mark(key),
      ports: node < 0 ? [] : scene.ports(node),
      chosen: this.chosen.has(node),
      focused: node === this.surface.focused && node >= 0,
      connectable: this.connectionTool.connectability(node),
      isTarget: this.connectionTool.target === node && node >= 0,
    };
    return editCard(facts, serverNow);
  }

  describe(node: number): string {
    return describeNode(this, node);
  }

  beforeFrame(now: number): boolean {
    const pulled = this.pointer.autoPan();
    return this.autoLayout.step(now) || pulled;
  }

  afterFrame(): void {
    this.overlay.draw(this.surface.viewport, this.scene.paths);
    this.nameField.reposition();
    if (this.drawnEdits === this.store.edits || this.autoLayout.isAnimating) return;
    this.drawnEdits = this.store.edits;
    this.host.dataset["drawn"] = String(this.drawnEdits);
  }

  // Actions

  choose(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    this.store.select(nodes, edges);
  }

  showDrawer(tab: DrawerTab): void {
    this.page.showDrawer(tab);
  }

  fit(): void {
    this.surface.fit(this.autoLayout.bounds ?? undefined);
  }

  fitSelection(): void {
    let nodes: readonly number[] = [...this.chosen];
    if (!nodes.length)
      nodes = this.chosenEdges.flatMap((edge) => [
        this.scene.graph.sources[edge] ?? 0,
        this.scene.graph.targets[edge] ?? 0,
      ]);
    const box = boundsOf(this.scene, nodes);
    if (box) this.surface.fitBox(box);
    else this.fit();
  }

  focus(): void {
    this.surface.frame.stage.focus({ preventScroll: true });
  }

  search(): void {
    this.nodeSearch.open();
  }

  walk(direction: Direction): void {
    const { scene, surface } = this;
    if (!scene.graph.size) {
      surface.announce(gettext("No nodes yet. Press N to add one."));
      return;
    }
    const [only] = this.chosen;
    const from = surface.focused >= 0 ? surface.focused : (only ?? -1);
    const next = from < 0 ? surface.centreNode() : neighbour(scene.graph, scene.at, from, direction);
    if (next < 0) {
      if (from >= 0) surface.setFocus(from);
      surface.announceNoNeighbour(direction);
      return;
    }
    this.choose([scene.key(next)]);
    surface.setFocus(next);
  }

  middle(): Position {
    const { viewport } = this.surface;
    return viewport.toGraph(viewport.width / 2, viewport.height / 2);
  }

  toGraph(clientX: number, clientY: number): Position {
    const box = this.surface.frame.stage.getBoundingClientRect();
    return this.surface.viewport.toGraph(clientX - box.left, clientY - box.top);
  }

  boxOf(id: string): DOMRect | null {
    const node = this.scene.find(id);
    if (node < 0) return null;
    const stage = this.surface.frame.stage.getBoundingClientRect();
    const { x, y, zoom } = this.surface.viewport;
    const box = boxOf(this.scene, node);
    return new DOMRect(
      stage.left + box.left * zoom + x,
      stage.top + box.top * zoom + y,
      NODE_WIDTH * zoom,
      NODE_HEIGHT * zoom,
    );
  }

  placeOf(id: string): Position | null {
    const node = this.scene.find(id);
    return node < 0 ? null : { x: this.scene.at[2 * node] ?? 0, y: this.scene.at[2 * node + 1] ?? 0 };
  }

  reveal(ids: Iterable<string>): void {
    const nodes = [...ids].map((id) => this.scene.find(id)).filter((node) => node >= 0);
    const box = boundsOf(this.scene, nodes);
    if (!box) return;
    const { viewport } = this.surface;
    const fits =
      (box.right - box.left) * viewport.zoom < viewport.width - 48 &&
      (box.bottom - box.top) * viewport.zoom < viewport.height - 48;
    this.surface.fitted = false;
    if (viewport.zoom < ZOOM_CARDS && nodes.length === 1) this.surface.goTo(nodes[0] ?? 0);
    else if (fits) viewport.reveal(box, 24, this.surface.animates);
    else this.surface.fitBox(box);
  }

  rename(id: string): void {
    this.nameField.open(id);
  }

  connectFrom(id: string): void {
    this.keys.startConnection(id);
  }

  async tidy(): Promise<void> {
    await this.autoLayout.run();
  }

  /** Announces the selection after it was changed by pointer. */
  announceSelection(): void {
    const [node] = this.chosen;
    if (this.chosen.size === 1 && node !== undefined) this.surface.announce(describeNode(this, node));
    else if (!this.chosen.size && this.chosenEdges.length === 1)
      this.surface.announce(describeEdge(this, this.chosenEdges[0] ?? 0));
  }

  /** The edge within some pixels of a point of the stage; -1: none. */
  edgeAt(x: number, y: number, pixels?: number): number {
    return this.pointer.edgeAt(x, y, pixels);
  }

  /** All nodes with an edge to or from a node. */
  connectedNodes(node: number): ReadonlySet<number> {
    const { graph } = this.scene;
    const found = new Set<number>();
    for (const edge of edgesAt(graph.into, node)) found.add(graph.sources[edge] ?? 0);
    for (const edge of edgesAt(graph.outOf, node)) found.add(graph.targets[edge] ?? 0);
    return found;
  }
}
