/** The canvas of a run: its graph with live states, and what people do on it. */

import type { ReactNode } from "react";
import type { Arranged } from "../../graph/layout/layout";
import { edgesAt, type Graph, isPlaced } from "../../graph/model";
import { type Direction, neighbour } from "../../graph/walk";
import type { Change, RunStore } from "../../run/store";
import { gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { runCard } from "./card";
import { Describer } from "./describe";
import { fillTools } from "../frame";
import { type Gestures, gestures } from "../gestures";
import { lineText } from "./card-line";
import { boxOf, Scene, STATES } from "../scene";
import { Search } from "../search";
import { type Subject, Surface } from "../surface";
import { ZOOM_CARDS } from "../viewport";

export interface Outside {
  /** Milliseconds since 1970 by the server's clock. */
  now(): number;
  tidy(): Promise<Arranged>;
  /** Gives the keyboard to what tells more about the chosen node. */
  open(): void;
}

const NONE: ReadonlySet<number> = new Set();

export class Board implements Subject {
  private readonly surface: Surface;
  private readonly finder: Search;
  private readonly words: Describer;
  private readonly hands: Gestures;
  private readonly ending = new AbortController();
  private readonly unlisten: () => void;
  private readonly stuckWord = gettext("stuck");
  private scene: Scene;
  private chosen = -1;
  private seq = -1;
  private tidied = false;
  private tidier: HTMLElement | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: RunStore,
    private readonly graph: Graph,
    private readonly given: Arranged,
    private readonly outside: Outside,
  ) {
    this.words = new Describer(graph, store, outside.now);
    this.scene = new Scene(graph, given);
    this.surface = new Surface(host, this.scene, this, {
      help: gettext(
        "Arrow keys walk along the edges, Enter opens a node, Escape leaves. The tab Nodes lists all nodes with their states as a table.",
      ),
      room: 0,
      map: true,
    });
    this.finder = new Search(
      () => graph,
      (node) => STATES[this.scene.states[node] ?? 0] ?? "pending",
      (node) => this.goTo(node),
      () => this.focus(),
    );
    host.append(this.finder.root);
    this.hands = gestures(this.surface.frame.stage, this.surface.view, () => this.surface.narrow);
    this.tools();
    this.unlisten = store.listen((change) => this.take(change));
    this.listen();
    this.takeAll();
    this.chosen = this.graph.index.get(store.chosen) ?? -1;
    this.surface.resized();
  }

  // What people do

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
    const { view } = this.surface;
    // Neighbours belong into the picture as long as the node stays readable in it.
    const readable = Math.min(view.width / (right - left + 1), view.height / (bottom - top + 1)) >= ZOOM_CARDS;
    this.surface.fitBox(readable ? { left, top, right, bottom } : own);
  }

  focus(): void {
    this.surface.frame.stage.focus({ preventScroll: true });
  }

  search(): void {
    this.finder.open();
  }

  walk(direction: Direction): void {
    const { surface } = this;
    if (surface.focused < 0) {
      surface.setFocus(this.chosen >= 0 ? this.chosen : surface.inTheMiddle());
      return;
    }
    const next = neighbour(this.graph, this.scene.at, surface.focused, direction);
    if (next >= 0) surface.setFocus(next);
    else surface.sayNone(direction);
  }

  destroy(): void {
    this.ending.abort();
    this.hands.end();
    this.unlisten();
    this.surface.destroy();
  }

  private goTo(node: number): void {
    this.surface.setFocus(node);
    this.store.choose(this.graph.ids[node] ?? "");
    this.surface.goTo(node);
  }

  /** Lays the graph out anew; pressed again, gives back the places of its author. */
  private async tidy(): Promise<void> {
    const arranged = this.tidied ? this.given : await this.outside.tidy();
    if (this.ending.signal.aborted) return;
    this.tidied = !this.tidied && isPlaced(this.graph);
    this.tidier?.setAttribute("aria-pressed", String(this.tidied));
    this.scene = new Scene(this.graph, arranged);
    this.surface.show(this.scene);
    this.takeAll();
    this.fit();
  }

  // What comes in

  private takeAll(): void {
    this.scene.update(this.store.nodes, this.graph.ids, this.store.stuck);
    this.surface.touchAll();
    this.surface.redraw();
  }

  private take(change: Change): void {
    if (change.snapshot) this.takeAll();
    else {
      const ids = change.stuck.size ? new Set([...change.nodes, ...change.stuck]) : change.nodes;
      if (ids.size) {
        const nodes = this.scene.update(this.store.nodes, ids, this.store.stuck);
        for (const node of nodes) {
          this.surface.touch(node);
          // A pending card names what it waits for.
          for (const edge of edgesAt(this.graph.outOf, node)) this.surface.touch(this.graph.targets[edge] ?? 0);
        }
        this.surface.recolour(nodes);
      }
    }
    if (change.chosen) {
      const node = this.graph.index.get(this.store.chosen) ?? -1;
      this.surface.touch(this.chosen);
      this.surface.touch(node);
      this.chosen = node;
      if (node >= 0) this.surface.reveal(node);
      this.surface.repaint();
    }
    this.surface.ask();
  }

  // What the surface asks

  shown(): ReturnType<Subject["shown"]> {
    return {
      chosen: this.chosen < 0 ? NONE : new Set([this.chosen]),
      line: (node) => lineText(this.words.line(this.scene, node), this.outside.now()),
    };
  }

  draw(key: string): ReactNode {
    const { graph, store } = this;
    const node = Number(key);
    const id = graph.ids[node] ?? "";
    return runCard(
      {
        id,
        name: graph.names[node] ?? id,
        icon: graph.icons.get(graph.types[node] ?? "") ?? "dot",
        run: store.nodes.get(id),
        line: this.words.line(this.scene, node),
        stuck: this.scene.stuck[node] === 1,
        chosen: node === this.chosen,
        focused: node === this.surface.focused,
      },
      this.outside.now,
      this.stuckWord,
    );
  }

  spoken(node: number): string {
    return this.words.text(this.scene, node);
  }

  step(): boolean {
    return false;
  }

  drawn(): void {
    if (this.seq === this.store.seq) return;
    this.seq = this.store.seq;
    this.host.dataset["drawn"] = String(this.seq);
  }

  // Listening

  private tools(): void {
    const { surface } = this;
    fillTools(surface.frame.tools, [
      ...surface.viewTools(() => this.search()),
      { icon: "tidy", label: gettext("Lay the graph out anew, in this view only"), act: () => void this.tidy() },
    ]);
    this.tidier =
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
    this.outside.open();
  }

  private listen(): void {
    const { surface } = this;
    const { stage } = surface.frame;
    const listen = { signal: this.ending.signal };
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
        if (stage.matches(":focus-visible")) surface.setFocus(this.chosen >= 0 ? this.chosen : surface.inTheMiddle());
      },
      listen,
    );
    stage.addEventListener("blur", () => surface.setFocus(-1), listen);
    stage.addEventListener("pointerdown", () => surface.setFocus(-1), listen);
    stage.addEventListener("click", (event) => this.click(event), listen);
    stage.addEventListener("pointermove", (event) => this.hover(event), listen);
  }

  private click(event: MouseEvent): void {
    if (this.hands.dragged()) {
      this.surface.fitted = false;
      return;
    }
    const { x, y } = this.surface.place(event);
    const point = this.surface.view.toGraph(x, y);
    const node = this.scene.grid.hit(point.x, point.y);
    if (node >= 0) {
      this.store.choose(this.graph.ids[node] ?? "");
      return;
    }
    const counted = this.surface.wordAt(x, y);
    const id = counted >= 0 ? (this.graph.ids[counted] ?? "") : "";
    this.store.choose(id);
    if (id) this.host.dispatchEvent(new CustomEvent("run:output", { bubbles: true, detail: id }));
  }

  /** What is painted has no element of its own: the stage says the full name and what a press would do. */
  private hover(event: PointerEvent): void {
    if (event.buttons || event.pointerType === "touch") return;
    const { surface } = this;
    const { stage } = surface.frame;
    const { x, y } = surface.place(event);
    const point = surface.view.toGraph(x, y);
    const node = this.scene.grid.hit(point.x, point.y);
    const counted = node < 0 ? surface.wordAt(x, y) : -1;
    const title =
      node >= 0
        ? surface.elements.has(node)
          ? ""
          : visible((this.graph.names[node] ?? "").slice(0, 2000))
        : counted >= 0
          ? gettext("Rows that passed: show them")
          : "";
    if (stage.title !== title) stage.title = title;
    stage.classList.toggle("pointing", node >= 0 || counted >= 0);
  }
}
