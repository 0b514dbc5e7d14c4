/** Puts the canvas together: one frame loop moves the cards, paints, and says what was drawn. */

import type { Arranged } from "../graph/layout";
import { edgesAt, type Graph, isPlaced } from "../graph/model";
import { type Direction, neighbour } from "../graph/walk";
import type { Change, RunStore } from "../run/store";
import { gettext } from "../words/i18n";
import { visible } from "../words/words";
import type { CardFacts, Cards } from "./card";
import { Describer } from "./describe";
import { Flow } from "./flow";
import { fillTools, type Frame, makeFrame } from "./frame";
import { type Gestures, gestures } from "./gestures";
import { lineText } from "./line";
import { MAP_HEIGHT, MAP_WIDTH, Minimap } from "./minimap";
import { cardsNear } from "./near";
import { Painter } from "./painter";
import { Scene, STATES } from "./scene";
import { Search } from "./search";
import { readTheme, type Theme, watchTheme } from "./theme";
import { View, ZOOM_CARDS } from "./view";
import { flushSync } from "react-dom";

/** Live edges move in steps: 20 a second look smooth for dashes, and leave the machine alone. */
const DASH_MS = 50;
const NARROW = "(max-width: 900px)";

export interface Outside {
  /** Milliseconds since 1970 by the server's clock. */
  now(): number;
  tidy(): Promise<Arranged>;
  /** Gives the keyboard to what tells more about the chosen node. */
  open(): void;
}

export class Board {
  private readonly frame: Frame;
  private readonly view: View;
  private readonly painter: Painter;
  private readonly flow: Flow;
  private readonly map: Minimap;
  private readonly finder: Search;
  private readonly words: Describer;
  private readonly hands: Gestures;
  private readonly ending = new AbortController();
  private readonly endings: (() => void)[] = [];
  private readonly versions: Uint32Array;
  private readonly listeners = new Map<number, () => void>();
  private readonly narrow = matchMedia(NARROW);
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private scene: Scene;
  private theme: Theme;
  private cards: ReadonlySet<number> = new Set();
  /** Nodes whose cards are to be drawn again. */
  private readonly changed = new Set<number>();
  private chosen = -1;
  private focused = -1;
  private dash = 0;
  private timer = 0;
  private asked = 0;
  private seq = -1;
  private dirty = true;
  private mapDirty: "all" | "frame" | "" = "all";
  private opened = false;
  private tidied = false;
  private tidier: HTMLElement | null = null;
  private fitted = true;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: RunStore,
    private readonly graph: Graph,
    private readonly given: Arranged,
    private readonly outside: Outside,
  ) {
    this.words = new Describer(graph, store, outside.now);
    this.versions = new Uint32Array(graph.size);
    this.frame = makeFrame(host);
    this.view = new View(() => this.moved());
    this.painter = new Painter(this.frame.paint);
    this.scene = new Scene(graph, given);
    this.painter.reset(this.scene);
    this.theme = readTheme(host);
    this.flow = new Flow(this.frame.flow, this.facts());
    this.map = new Minimap(this.frame.map, (x, y) => {
      this.fitted = false;
      this.view.centre(x, y);
    });
    this.finder = new Search(
      graph,
      (node) => STATES[this.scene.states[node] ?? 0] ?? "pending",
      (node) => this.goTo(node),
      () => this.frame.stage.focus({ preventScroll: true }),
    );
    host.append(this.finder.root);
    this.hands = gestures(this.frame.stage, this.view, () => this.narrow.matches);
    this.tools();
    this.listen();
    this.takeAll();
    this.chosen = this.graph.index.get(store.chosen) ?? -1;
    this.view.setBounds(this.scene.grid.bounds);
    this.resized();
  }

  // What people do

  fit(): void {
    this.fitted = true;
    this.view.fit(this.scene.grid.bounds, this.padding(), 1, this.smooth());
  }

  fitChosen(): void {
    const node = this.chosen;
    if (node < 0) {
      this.fit();
      return;
    }
    this.fitted = false;
    let { left, top, right, bottom } = this.scene.box(node);
    const own = { left, top, right, bottom };
    const around = [...edgesAt(this.graph.into, node)].map((edge) => this.graph.sources[edge] ?? 0).concat([...edgesAt(this.graph.outOf, node)].map((edge) => this.graph.targets[edge] ?? 0));
    for (const other of around) {
      const box = this.scene.box(other);
      left = Math.min(left, box.left);
      top = Math.min(top, box.top);
      right = Math.max(right, box.right);
      bottom = Math.max(bottom, box.bottom);
    }
    // Neighbours belong into the picture as long as the node stays readable in it.
    const readable = Math.min(this.view.width / (right - left + 1), this.view.height / (bottom - top + 1)) >= ZOOM_CARDS;
    this.view.fit(readable ? { left, top, right, bottom } : own, this.padding(), 1, this.smooth());
  }

  focus(): void {
    this.frame.stage.focus({ preventScroll: true });
  }

  search(): void {
    this.finder.open();
  }

  walk(direction: Direction): void {
    if (this.focused < 0) {
      this.setFocus(this.chosen >= 0 ? this.chosen : this.inTheMiddle());
      return;
    }
    const next = neighbour(this.graph, this.scene.at, this.focused, direction);
    if (next >= 0) this.setFocus(next);
    else this.say(direction === "left" ? gettext("Nothing before it.") : direction === "right" ? gettext("Nothing after it.") : gettext("Nothing further this way."));
  }

  destroy(): void {
    this.ending.abort();
    this.hands.end();
    for (const end of this.endings) end();
    window.clearTimeout(this.timer);
    cancelAnimationFrame(this.asked);
    this.flow.destroy();
  }

  private goTo(node: number): void {
    this.setFocus(node);
    this.store.choose(this.graph.ids[node] ?? "");
    const box = this.scene.box(node);
    this.fitted = false;
    this.view.centre((box.left + box.right) / 2, (box.top + box.bottom) / 2, Math.max(0.8, this.view.zoom), this.smooth());
  }

  /** Lays the graph out anew; pressed again, gives back the places of its author. */
  private async tidy(): Promise<void> {
    const arranged = this.tidied ? this.given : await this.outside.tidy();
    if (this.ending.signal.aborted) return;
    this.tidied = !this.tidied && isPlaced(this.graph);
    this.tidier?.setAttribute("aria-pressed", String(this.tidied));
    this.scene = new Scene(this.graph, arranged);
    this.painter.reset(this.scene);
    this.flow.clear();
    this.cards = new Set();
    this.takeAll();
    this.view.setBounds(this.scene.grid.bounds);
    this.fit();
  }

  // The chosen and the focused node

  private setFocus(node: number): void {
    if (node === this.focused) return;
    this.changed.add(this.focused).add(node);
    this.focused = node;
    this.dirty = true;
    this.frame.stage.classList.toggle("on-node", node >= 0);
    if (node >= 0) {
      this.view.reveal(this.scene.box(node), 24, this.smooth());
      this.say(this.words.text(this.scene, node));
    }
    this.ask();
  }

  private say(text: string): void {
    this.frame.said.textContent = text;
  }

  private inTheMiddle(): number {
    const { x, y } = this.view.toGraph(0, this.view.height / 2);
    return this.scene.nearest(x, y);
  }

  // What comes in

  private takeAll(): void {
    this.scene.update(this.store.nodes, this.graph.ids, this.store.stuck);
    this.mapDirty = "all";
    this.dirty = true;
    for (let node = 0; node < this.graph.size; node += 1) this.changed.add(node);
  }

  private take(change: Change): void {
    if (change.snapshot) this.takeAll();
    else {
      const ids = change.stuck.size ? new Set([...change.nodes, ...change.stuck]) : change.nodes;
      if (ids.size) {
        const nodes = this.scene.update(this.store.nodes, ids, this.store.stuck);
        for (const node of nodes) {
          this.changed.add(node);
          // A pending card names what it waits for.
          for (const edge of edgesAt(this.graph.outOf, node)) this.changed.add(this.graph.targets[edge] ?? 0);
        }
        this.dirty = true;
        if (this.mapDirty !== "all") {
          this.map.update(this.scene, this.theme, nodes);
          this.mapDirty = "frame";
        }
      }
    }
    if (change.chosen) {
      const node = this.graph.index.get(this.store.chosen) ?? -1;
      this.changed.add(this.chosen).add(node);
      this.chosen = node;
      this.dirty = true;
      if (node >= 0) this.view.reveal(this.scene.box(node), 24, this.smooth());
    }
    this.ask();
  }

  private moved(): void {
    this.dirty = true;
    if (!this.mapDirty) this.mapDirty = "frame";
    this.ask();
  }

  private resized(): void {
    const { clientWidth, clientHeight } = this.host;
    if (!clientWidth || !clientHeight) return;
    this.painter.resize(clientWidth, clientHeight);
    this.view.resize(clientWidth, clientHeight);
    // As long as nobody has moved it, the graph stays whole in view.
    if (this.fitted) this.view.fit(this.scene.grid.bounds, this.padding(), 1);
    this.opened = true;
    this.drawFrame(performance.now());
  }

  // Drawing

  private ask(): void {
    if (!this.asked && this.opened) this.asked = requestAnimationFrame((now) => this.drawFrame(now));
  }

  private drawFrame(now: number): void {
    cancelAnimationFrame(this.asked);
    this.asked = 0;
    if (this.view.step(now)) this.ask();
    const more = this.dirty && this.arrangeCards();
    if (this.changed.size) {
      flushSync(() => {
        for (const node of this.changed) {
          if (node < 0) continue;
          this.versions[node] = (this.versions[node] ?? 0) + 1;
          this.listeners.get(node)?.();
        }
      });
      this.changed.clear();
    }
    this.flow.move(this.view);
    if (this.dirty) {
      this.dirty = false;
      this.painter.paint(this.scene, this.view, this.theme, {
        cards: this.cards,
        chosen: this.chosen,
        focused: this.focused,
        dash: this.dash,
        line: (node) => lineText(this.words.line(this.scene, node), this.outside.now()),
      });
    }
    if (this.mapDirty) {
      if (this.mapDirty === "all") this.map.redraw(this.scene, this.theme);
      this.map.frame(this.view, this.theme);
      this.frame.map.classList.toggle("away", this.mapInTheWay());
      this.mapDirty = "";
    }
    if (this.seq !== this.store.seq) {
      this.seq = this.store.seq;
      this.host.dataset["drawn"] = String(this.seq);
    }
    if (more) {
      this.dirty = true;
      this.ask();
    }
    this.moveLive();
  }

  /** Whether the map says nothing, for all is in view, and lies over nodes. */
  private mapInTheWay(): boolean {
    const { view } = this;
    const { left, top, right, bottom } = this.scene.grid.bounds;
    const x2 = right * view.zoom + view.x;
    const y2 = bottom * view.zoom + view.y;
    const whole = left * view.zoom + view.x >= 0 && top * view.zoom + view.y >= 0 && x2 <= view.width && y2 <= view.height;
    return whole && x2 > view.width - MAP_WIDTH - 12 && y2 > view.height - MAP_HEIGHT - 12;
  }

  /** Decides which nodes are cards; whether more are to come in the next frame. */
  private arrangeCards(): boolean {
    const { cards, more } = cardsNear(this.scene, this.view, this.cards);
    if (cards !== this.cards) this.flow.show(this.scene, (this.cards = cards));
    return more;
  }

  /** Live edges move while one is in view and somebody may look. */
  private moveLive(): void {
    if (this.timer || !this.painter.moving || document.hidden || this.still.matches) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.dash = (this.dash + 1) % 1100;
      this.dirty = true;
      this.ask();
    }, DASH_MS);
  }

  private smooth(): boolean {
    return this.opened && !this.still.matches;
  }

  private padding(): { left: number; top: number; right: number; bottom: number } {
    return this.narrow.matches ? { left: 12, top: 12, right: 12, bottom: 12 } : { left: 48, top: 64, right: 48, bottom: 40 };
  }

  // Listening

  private facts(): Cards {
    const { graph, store } = this;
    return {
      listen: (node, changed) => {
        this.listeners.set(node, changed);
        return () => {
          if (this.listeners.get(node) === changed) this.listeners.delete(node);
        };
      },
      version: (node) => this.versions[node] ?? 0,
      facts: (node): CardFacts => {
        const id = graph.ids[node] ?? "";
        const type = graph.types[node] ?? "";
        return {
          id,
          name: graph.names[node] ?? id,
          icon: graph.icons.get(type) ?? "dot",
          run: store.nodes.get(id),
          line: this.words.line(this.scene, node),
          stuck: this.scene.stuck[node] === 1,
          chosen: node === this.chosen,
          focused: node === this.focused,
        };
      },
      now: this.outside.now,
      stuckWord: gettext("stuck"),
    };
  }

  private tools(): void {
    const zoom = (factor: number): void => {
      this.fitted = false;
      this.view.zoomAt(this.view.width / 2, this.view.height / 2, factor);
    };
    fillTools(this.frame.tools, [
      { icon: "plus", label: gettext("Zoom in"), keys: "+", act: () => zoom(1.25) },
      { icon: "minus", label: gettext("Zoom out"), keys: "-", act: () => zoom(0.8) },
      { icon: "fit", label: gettext("Show the whole graph"), keys: "F", act: () => this.fit() },
      { icon: "search", label: gettext("Find a node"), keys: "/", act: () => this.search() },
      { icon: "tidy", label: gettext("Lay the graph out anew, in this view only"), act: () => void this.tidy() },
    ]);
    this.tidier = this.frame.tools.lastElementChild instanceof HTMLElement ? this.frame.tools.lastElementChild : null;
    this.keys = new Map<string, () => void>([
      ["ArrowLeft", () => this.walk("left")],
      ["ArrowRight", () => this.walk("right")],
      ["ArrowUp", () => this.walk("up")],
      ["ArrowDown", () => this.walk("down")],
      ["+", () => zoom(1.25)],
      ["=", () => zoom(1.25)],
      ["-", () => zoom(0.8)],
      ["f", () => this.fit()],
      ["F", () => this.fitChosen()],
      ["/", () => this.search()],
      ["Escape", () => this.frame.stage.blur()],
      ["Enter", () => this.openFocused()],
      [" ", () => this.openFocused()],
    ]);
  }

  private keys: ReadonlyMap<string, () => void> = new Map();

  private openFocused(): void {
    if (this.focused < 0) return;
    this.store.choose(this.graph.ids[this.focused] ?? "");
    this.outside.open();
  }

  private listen(): void {
    const { stage } = this.frame;
    const listen = { signal: this.ending.signal };
    this.endings.push(this.store.listen((change) => this.take(change)));
    this.endings.push(
      watchTheme(() => {
        this.theme = readTheme(this.host);
        this.mapDirty = "all";
        this.dirty = true;
        this.ask();
      }),
    );
    const observer = new ResizeObserver(() => {
      if (this.host.clientWidth !== this.view.width || this.host.clientHeight !== this.view.height) this.resized();
    });
    observer.observe(this.host);
    this.endings.push(() => observer.disconnect());
    void document.fonts.ready.then(() => {
      this.painter.reset(this.scene);
      this.dirty = true;
      this.ask();
    });
    document.addEventListener("visibilitychange", () => this.ask(), listen);
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
    stage.addEventListener("focus", () => {
      if (stage.matches(":focus-visible")) this.setFocus(this.chosen >= 0 ? this.chosen : this.inTheMiddle());
    }, listen);
    stage.addEventListener("blur", () => this.setFocus(-1), listen);
    stage.addEventListener("wheel", () => (this.fitted = false), { ...listen, passive: true });
    stage.addEventListener("pointerdown", () => this.setFocus(-1), listen);
    stage.addEventListener("click", (event) => this.click(event), listen);
    stage.addEventListener("pointermove", (event) => this.hover(event), listen);
  }

  private place(event: MouseEvent): { x: number; y: number } {
    const box = this.frame.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private spotAt(x: number, y: number): number {
    return this.painter.spots.find((spot) => x >= spot.left && x <= spot.right && y >= spot.top && y <= spot.bottom)?.node ?? -1;
  }

  private click(event: MouseEvent): void {
    if (this.hands.dragged()) {
      this.fitted = false;
      return;
    }
    const { x, y } = this.place(event);
    const point = this.view.toGraph(x, y);
    const node = this.scene.grid.hit(point.x, point.y);
    if (node >= 0) {
      this.store.choose(this.graph.ids[node] ?? "");
      return;
    }
    const counted = this.spotAt(x, y);
    const id = counted >= 0 ? (this.graph.ids[counted] ?? "") : "";
    this.store.choose(id);
    if (id) this.host.dispatchEvent(new CustomEvent("run:output", { bubbles: true, detail: id }));
  }

  /** What is painted has no element of its own: the stage says the full name and what a press would do. */
  private hover(event: PointerEvent): void {
    if (event.buttons || event.pointerType === "touch") return;
    const { stage } = this.frame;
    const { x, y } = this.place(event);
    const point = this.view.toGraph(x, y);
    const node = this.scene.grid.hit(point.x, point.y);
    const counted = node < 0 ? this.spotAt(x, y) : -1;
    const title = node >= 0 ? (this.cards.has(node) ? "" : visible((this.graph.names[node] ?? "").slice(0, 2000))) : counted >= 0 ? gettext("Rows that passed: show them") : "";
    if (stage.title !== title) stage.title = title;
    stage.classList.toggle("pointing", node >= 0 || counted >= 0);
  }
}
