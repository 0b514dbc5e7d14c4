/** The canvas on which a workflow is drawn: how it follows the editor's store. How nodes and edges look is in `looks.ts`,
 * what people do with them in `press.ts`, `wire.ts` and `drop.ts`. */

import type { CanvasPage, DrawerTab, EditCanvas } from "./page";
import type { ReactNode } from "react";
import { serverNow } from "../../behaviours/clock";
import type { Problem } from "../../document/problems";
import type { EditorStore, Update } from "../../document/store";
import { type Difference, type DocNode, nodeOf } from "../../document/document";
import type { Box } from "../../graph/grid";
import { edgesAt, NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import { outPorts } from "../../document/ports";
import { type Direction, neighbour } from "../../graph/walk";
import { gettext } from "../../words/i18n";
import { fillTools } from "../frame";
import { type Gestures, gestures } from "../gestures";
import { lineText } from "../run/card-line";
import { boxOf } from "../scene";
import { Search } from "../search";
import { type Subject, Surface } from "../surface";
import { ZOOM_CARDS } from "../viewport";
import { Acts } from "./actions";
import { editCard, type EditFacts } from "./card";
import { Drops } from "./drop";
import { EmptyState } from "./empty-state";
import { Keys } from "./keys";
import { Looks } from "./appearance";
import { Overlay } from "./overlay";
import type { Unplaced } from "./places";
import { Press } from "./pointer";
import { Renamer } from "./rename";
import { EditScene } from "./scene";
import { edgesSpoken, spoken } from "./descriptions";
import { Tidier } from "./tidy";
import { Wires } from "./wire";

/** How far beyond the graph one may move: to draw there. */
const ROOM = 4000;
/** Changes of more nodes than these are not looked for in the view. */
const FOLLOWED_MAX = 50;

export class EditBoard implements Subject, EditCanvas {
  readonly surface: Surface;
  readonly scene: EditScene;
  readonly overlay: Overlay;
  readonly wires: Wires;
  readonly acts: Acts;
  readonly hands: Gestures;
  readonly store: EditorStore;
  readonly looks = new Looks(this);
  private readonly press: Press;
  private readonly finder: Search;
  private readonly renamer: Renamer;
  private readonly tidier: Tidier;
  private readonly keys: Keys;
  private readonly empty: EmptyState;
  /** Chosen nodes and edges by number. */
  chosen: ReadonlySet<number> = new Set();
  chosenEdges: readonly number[] = [];
  private drawnEdits = -1;
  /** Problems as they are shown. */
  private found: readonly Problem[] = [];

  constructor(
    readonly host: HTMLElement,
    readonly page: CanvasPage,
    readonly unplaced: Unplaced,
  ) {
    const { store, types } = page;
    this.store = store;
    this.scene = new EditScene(store.doc, {
      icons: new Map([...types.values()].map((type) => [type.type, type.icon])),
      ports: (node) => outPorts(node, types),
      place: (node) => unplaced.at(node),
      rows: (id) => this.looks.rows(id),
    });
    this.surface = new Surface(host, this.scene, this, {
      help: gettext(
        "Arrow keys walk along the edges and choose, Enter opens what is chosen, N adds a node, C draws an edge, F2 renames, Delete takes away, Shift and arrows move. A question mark shows all keys.",
      ),
      room: ROOM,
      map: false,
    });
    const { stage } = this.surface.frame;
    this.overlay = new Overlay(stage);
    this.acts = new Acts(this);
    this.wires = new Wires(this);
    this.press = new Press(this);
    this.hands = gestures(
      stage,
      this.surface.view,
      () => false,
      (event) => this.press.claim(event),
    );
    this.press.listen();
    this.renamer = new Renamer(this);
    this.tidier = new Tidier(this);
    new Drops(this).listen();
    this.keys = new Keys(this);
    this.keys.listen();
    this.finder = new Search(
      () => this.scene.graph,
      () => "",
      (node) => {
        this.choose([this.scene.key(node)]);
        this.surface.setFocus(node);
        this.surface.goTo(node);
      },
      () => this.focus(),
    );
    host.append(this.finder.root);
    this.empty = new EmptyState(this);
    fillTools(
      this.surface.frame.tools,
      this.surface.viewTools(() => this.search()),
    );
    store.listen((update) => this.take(update));
    this.looks.follow();
    this.looks.restateAll();
    this.takeSelection();
    this.empty.show(!this.scene.graph.size);
    this.surface.resized();
  }

  // What comes in

  private take(update: Update): void {
    const rebuilt = update.doc !== null && this.takeDoc(update.doc);
    if (update.run) this.looks.follow();
    if (update.outputs || update.run) {
      this.scene.relabelAll();
      this.surface.repaint();
    }
    // A check that found the same again changes nothing here.
    const found = update.problems && this.store.problems !== this.found;
    this.found = this.store.problems;
    if (found || update.marks || update.run || update.outputs) this.looks.restateAll();
    if (update.selection || rebuilt) this.takeSelection();
    if (update.selection && !update.doc) this.bringIn([...this.store.selection.nodes]);
    this.surface.ask();
  }

  /** Whether nodes and edges have other numbers now. */
  private takeDoc(diff: Difference): boolean {
    const { surface, scene, store } = this;
    const focused = surface.focused >= 0 ? scene.key(surface.focused) : null;
    // What is dragged shows another place than the document says.
    this.hands.drop();
    this.keys.end();
    this.tidier.settle();
    this.unplaced.update(store.doc, diff);
    const { rebuilt, nodes, moved } = scene.update(store.doc, diff);
    surface.fitted = false;
    if (rebuilt) {
      surface.focused = focused === null ? -1 : scene.find(focused);
      this.press.renumbered();
      surface.show(scene);
      this.looks.restateAll();
      for (const id of diff.changed) surface.touch(scene.find(id));
      this.finder.renew();
      this.empty.show(!scene.graph.size);
    } else {
      for (const node of nodes) {
        surface.painter.forget(node);
        surface.touch(node);
        this.looks.restate(node);
      }
      if (moved && !this.tidier.starts()) surface.replaced();
      if (nodes.length) this.finder.renew();
      if (nodes.length || moved) surface.repaint();
    }
    // Another document in the place of what was drawn is shown whole.
    if (diff.added.length && diff.added.length === scene.graph.size && diff.removed.length) this.fit();
    else this.bringIn(diff.added.length ? diff.added : diff.changed);
    return rebuilt;
  }

  /** What is not in view at all, and few, is brought there. */
  private bringIn(ids: readonly string[]): void {
    const [first] = ids;
    if (first === undefined || ids.length > FOLLOWED_MAX || !this.surface.smooth) return;
    const view = this.surface.view.box();
    const seen = (id: string): boolean => {
      const node = this.scene.find(id);
      if (node < 0) return true;
      const box = boxOf(this.scene, node);
      return box.left < view.right && box.right > view.left && box.top < view.bottom && box.bottom > view.top;
    };
    if (!ids.some(seen)) this.reveal([first]);
  }

  private takeSelection(): void {
    const { selection } = this.store;
    const before = this.chosen;
    const chosen = new Set<number>();
    for (const id of selection.nodes) {
      const node = this.scene.find(id);
      if (node >= 0) chosen.add(node);
    }
    this.chosen = chosen;
    for (const node of before) if (!chosen.has(node)) this.surface.touch(node);
    for (const node of chosen) this.surface.touch(node);
    this.chosenEdges = [...selection.edges].map((key) => this.scene.edgeOf(key)).filter((edge) => edge >= 0);
    this.looks.retrack();
    this.press.hover();
    this.surface.repaint();
  }

  nodeOf(id: string): DocNode | undefined {
    return nodeOf(this.store.doc, id);
  }

  // What the surface asks

  shown(): ReturnType<Subject["shown"]> {
    return { chosen: this.chosen, line: (node) => lineText(this.looks.line(this.scene.key(node)), serverNow()) };
  }

  draw(key: string): ReactNode {
    const { looks, scene } = this;
    const node = scene.find(key);
    const run = looks.runOf(key);
    const { state, problem } = looks.state(key);
    looks.drawn(key);
    const facts: EditFacts = {
      id: key,
      name: scene.graph.names[node] ?? key,
      icon: scene.graph.icons.get(scene.graph.types[node] ?? "") ?? "dot",
      line: looks.line(key),
      state,
      problem,
      fraction: state === "running" ? (run?.progress?.fraction ?? null) : null,
      mark: looks.mark(key),
      ports: node < 0 ? [] : scene.ports(node),
      chosen: this.chosen.has(node),
      focused: node === this.surface.focused && node >= 0,
      target: this.wires.judged(node),
      aimed: this.wires.aim === node && node >= 0,
    };
    return editCard(facts, serverNow);
  }

  spoken(node: number): string {
    return spoken(this, node);
  }

  step(now: number): boolean {
    const pulled = this.press.pull();
    return this.tidier.step(now) || pulled;
  }

  drawn(): void {
    this.overlay.draw(this.surface.view, this.scene.ways);
    this.renamer.follow();
    if (this.drawnEdits === this.store.edits || this.tidier.goes) return;
    this.drawnEdits = this.store.edits;
    this.host.dataset["drawn"] = String(this.drawnEdits);
  }

  // What people do

  choose(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    this.store.select(nodes, edges);
  }

  showDrawer(tab: DrawerTab): void {
    this.page.showDrawer(tab);
  }

  fit(): void {
    this.surface.fit(this.tidier.bounds ?? undefined);
  }

  fitSelection(): void {
    let nodes: readonly number[] = [...this.chosen];
    if (!nodes.length)
      nodes = this.chosenEdges.flatMap((edge) => [
        this.scene.graph.sources[edge] ?? 0,
        this.scene.graph.targets[edge] ?? 0,
      ]);
    const box = this.around(nodes);
    if (box) this.surface.fitBox(box);
    else this.fit();
  }

  around(nodes: Iterable<number>): Box | null {
    let box: Box | null = null;
    for (const node of nodes) {
      const one = boxOf(this.scene, node);
      box = box
        ? {
            left: Math.min(box.left, one.left),
            top: Math.min(box.top, one.top),
            right: Math.max(box.right, one.right),
            bottom: Math.max(box.bottom, one.bottom),
          }
        : one;
    }
    return box;
  }

  focus(): void {
    this.surface.frame.stage.focus({ preventScroll: true });
  }

  search(): void {
    this.finder.open();
  }

  walk(direction: Direction): void {
    const { scene, surface } = this;
    if (!scene.graph.size) {
      surface.say(gettext("There is no node yet. N adds one."));
      return;
    }
    const [only] = this.chosen;
    const from = surface.focused >= 0 ? surface.focused : (only ?? -1);
    const next = from < 0 ? surface.inTheMiddle() : neighbour(scene.graph, scene.at, from, direction);
    if (next < 0) {
      if (from >= 0) surface.setFocus(from);
      surface.sayNone(direction);
      return;
    }
    this.choose([scene.key(next)]);
    surface.setFocus(next);
  }

  middle(): Position {
    const { view } = this.surface;
    return view.toGraph(view.width / 2, view.height / 2);
  }

  toGraph(clientX: number, clientY: number): Position {
    const box = this.surface.frame.stage.getBoundingClientRect();
    return this.surface.view.toGraph(clientX - box.left, clientY - box.top);
  }

  boxOf(id: string): DOMRect | null {
    const node = this.scene.find(id);
    if (node < 0) return null;
    const stage = this.surface.frame.stage.getBoundingClientRect();
    const { x, y, zoom } = this.surface.view;
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
    const box = this.around(nodes);
    if (!box) return;
    const { view } = this.surface;
    const fits =
      (box.right - box.left) * view.zoom < view.width - 48 && (box.bottom - box.top) * view.zoom < view.height - 48;
    this.surface.fitted = false;
    if (view.zoom < ZOOM_CARDS && nodes.length === 1) this.surface.goTo(nodes[0] ?? 0);
    else if (fits) view.reveal(box, 24, this.surface.smooth);
    else this.surface.fitBox(box);
  }

  rename(id: string): void {
    this.renamer.open(id);
  }

  connectFrom(id: string): void {
    this.keys.connect(id);
  }

  async tidy(): Promise<void> {
    await this.tidier.tidy();
  }

  /** Says what is chosen, after it was chosen by pointer. */
  sayChosen(): void {
    const [node] = this.chosen;
    if (this.chosen.size === 1 && node !== undefined) this.surface.say(spoken(this, node));
    else if (!this.chosen.size && this.chosenEdges.length === 1)
      this.surface.say(edgesSpoken(this, this.chosenEdges[0] ?? 0));
  }

  /** The edge at a point of the stage, within some pixels; -1: none. */
  edgeAt(x: number, y: number, pixels?: number): number {
    return this.press.edgeAt(x, y, pixels);
  }

  /** All nodes with an edge to or from one. */
  joined(node: number): ReadonlySet<number> {
    const { graph } = this.scene;
    const found = new Set<number>();
    for (const edge of edgesAt(graph.into, node)) found.add(graph.sources[edge] ?? 0);
    for (const edge of edgesAt(graph.outOf, node)) found.add(graph.targets[edge] ?? 0);
    return found;
  }
}
