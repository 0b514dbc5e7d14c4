/** What every canvas is made of: one frame loop moves the cards, paints, and says what was drawn. What is shown, and what
 * people do with it, is the board's that holds the surface. */

import type { ReactNode } from "react";
import { flushSync } from "react-dom";
import type { Box } from "../graph/grid";
import type { Direction } from "../graph/walk";
import { gettext } from "../words/i18n";
import { Flow } from "./card-layer";
import { type Frame, makeFrame, type Tool } from "./frame";
import { MAP_HEIGHT, MAP_WIDTH, Minimap } from "./minimap";
import { cardsNear } from "./visible-cards";
import { Painter, type Shown } from "./painter";
import { boxOf, nearest, type Picture } from "./scene";
import { readTheme, type Theme, watchTheme } from "./theme";
import { View } from "./viewport";

/** Live edges move in steps: 20 a second look smooth for dashes, and leave the machine alone. */
const DASH_MS = 50;
const NARROW = "(max-width: 900px)";

export interface Subject {
  /** Node marks and words of what is painted. */
  shown(): Pick<Shown, "chosen" | "line">;
  draw(key: string): ReactNode;
  /** What a screen reader says of a node that gets the keyboard. */
  spoken(node: number): string;
  /** Before a frame is drawn; whether another must follow. */
  step(now: number): boolean;
  /** A frame was drawn. */
  drawn(): void;
}

export interface Manner {
  /** What a screen reader says of the keys. */
  readonly help: string;
  /** How far beyond the graph one may move, in its units. */
  readonly room: number;
  /** Whether there is a map also while all is in view. */
  readonly map: boolean;
}

export class Surface {
  readonly frame: Frame;
  readonly view: View;
  readonly painter: Painter;
  /** Whether all of the graph is to be in view whenever the size changes: as long as nobody has moved it. */
  fitted = true;
  /** The node that has the keyboard; -1: none. */
  focused = -1;
  theme: Theme;
  private readonly flow: Flow;
  private readonly map: Minimap;
  private readonly narrowQuery = matchMedia(NARROW);
  private readonly stillQuery = matchMedia("(prefers-reduced-motion: reduce)");
  private readonly ending = new AbortController();
  private readonly endings: (() => void)[] = [];
  private readonly versions = new Map<string, number>();
  private readonly listeners = new Map<string, () => void>();
  /** Cards that are to be drawn again, by key. */
  private readonly touched = new Set<string>();
  private cards: ReadonlySet<number> = new Set();
  private placesDirty = false;
  private dirty = true;
  private mapDirty: "all" | "frame" | "" = "all";
  private opened = false;
  private dash = 0;
  private timer = 0;
  private asked = 0;

  constructor(
    private readonly host: HTMLElement,
    private picture: Picture,
    private readonly subject: Subject,
    private readonly manner: Manner,
  ) {
    this.frame = makeFrame(host, manner.help);
    this.view = new View(() => this.moved());
    this.painter = new Painter(this.frame.paint);
    this.painter.reset(picture);
    this.theme = readTheme(host);
    this.flow = new Flow(this.frame.flow, {
      listen: (key, changed) => {
        this.listeners.set(key, changed);
        return () => {
          if (this.listeners.get(key) === changed) this.listeners.delete(key);
        };
      },
      version: (key) => this.versions.get(key) ?? 0,
      draw: (key) => subject.draw(key),
    });
    this.map = new Minimap(this.frame.map, (x, y) => {
      this.fitted = false;
      this.view.centre(x, y);
    });
    this.view.setBounds(picture.grid.bounds, manner.room);
    this.listen();
  }

  get narrow(): boolean {
    return this.narrowQuery.matches;
  }
  get still(): boolean {
    return this.stillQuery.matches;
  }
  /** Whether what moves may be seen moving. */
  get smooth(): boolean {
    return this.opened && !this.still;
  }
  /** Nodes that are elements now. */
  get elements(): ReadonlySet<number> {
    return this.cards;
  }

  private listen(): void {
    this.endings.push(
      watchTheme(() => {
        this.theme = readTheme(this.host);
        this.redraw();
      }),
    );
    const observer = new ResizeObserver(() => {
      if (this.host.clientWidth !== this.view.width || this.host.clientHeight !== this.view.height) this.resized();
    });
    observer.observe(this.host);
    this.endings.push(() => observer.disconnect());
    void document.fonts.ready.then(() => {
      this.painter.reset(this.picture);
      this.repaint();
    });
    document.addEventListener("visibilitychange", () => this.ask(), { signal: this.ending.signal });
    this.frame.stage.addEventListener("wheel", () => (this.fitted = false), {
      signal: this.ending.signal,
      passive: true,
    });
  }

  /** Takes the size of its place, and draws. */
  resized(): void {
    const { clientWidth, clientHeight } = this.host;
    if (!clientWidth || !clientHeight) return;
    this.painter.resize(clientWidth, clientHeight);
    this.view.resize(clientWidth, clientHeight);
    if (this.fitted) this.view.fit(this.picture.grid.bounds, this.padding(), 1);
    this.opened = true;
    this.drawFrame(performance.now());
  }

  destroy(): void {
    this.ending.abort();
    for (const end of this.endings) end();
    window.clearTimeout(this.timer);
    cancelAnimationFrame(this.asked);
    this.flow.destroy();
  }

  // What differs

  /** Another picture: numbers of nodes may mean others. Cards with the same key stay. */
  show(picture: Picture): void {
    this.picture = picture;
    this.painter.reset(picture);
    // What is a card stays one, under its new number.
    const cards = new Set<number>();
    for (const key of this.flow.keys) {
      const node = picture.find(key);
      if (node >= 0) cards.add(node);
    }
    this.cards = cards;
    this.replaced();
  }

  /** Nodes stand elsewhere. */
  replaced(): void {
    this.placesDirty = true;
    this.view.setBounds(this.picture.grid.bounds, this.manner.room);
    this.redraw();
  }

  /** The same, while it goes on: the map follows at the end. */
  moving(): void {
    this.placesDirty = true;
    this.repaint();
  }

  /** The node's card shows something else. */
  touch(node: number): void {
    if (node >= 0) this.touched.add(this.picture.key(node));
  }
  touchAll(): void {
    for (const key of this.listeners.keys()) this.touched.add(key);
  }
  /** The cards that show something else than they would now. */
  touchWhere(differs: (key: string) => boolean): void {
    for (const key of this.listeners.keys()) if (differs(key)) this.touched.add(key);
  }

  /** Some nodes have other colours. */
  recolour(nodes: readonly number[]): void {
    this.dirty = true;
    if (this.mapDirty === "all") return;
    this.map.update(this.picture, this.theme, nodes);
    this.mapDirty = "frame";
  }

  /** Paints anew, the map as well. */
  redraw(): void {
    this.mapDirty = "all";
    this.repaint();
  }

  repaint(): void {
    this.dirty = true;
    this.ask();
  }

  private moved(): void {
    this.dirty = true;
    if (!this.mapDirty) this.mapDirty = "frame";
    this.ask();
  }

  // The view

  /** `bounds`: where all nodes are in a moment. */
  fit(bounds: Box = this.picture.grid.bounds): void {
    this.fitted = true;
    this.view.fit(bounds, this.padding(), 1, this.smooth);
  }

  fitBox(box: Box): void {
    this.fitted = false;
    this.view.fit(box, this.padding(), 1, this.smooth);
  }

  reveal(node: number): void {
    this.view.reveal(boxOf(this.picture, node), 24, this.smooth);
  }

  goTo(node: number): void {
    const box = boxOf(this.picture, node);
    this.fitted = false;
    this.view.centre(
      (box.left + box.right) / 2,
      (box.top + box.bottom) / 2,
      Math.max(0.8, this.view.zoom),
      this.smooth,
    );
  }

  inTheMiddle(): number {
    const { x, y } = this.view.toGraph(0, this.view.height / 2);
    return nearest(this.picture, x, y);
  }

  zoom(factor: number): void {
    this.fitted = false;
    this.view.zoomAt(this.view.width / 2, this.view.height / 2, factor);
  }

  viewTools(search: () => void): Tool[] {
    return [
      { icon: "plus", label: gettext("Zoom in"), keys: "+", act: () => this.zoom(1.25) },
      { icon: "minus", label: gettext("Zoom out"), keys: "-", act: () => this.zoom(0.8) },
      { icon: "fit", label: gettext("Show the whole graph"), keys: "F", act: () => this.fit() },
      { icon: "search", label: gettext("Find a node"), keys: "/", act: search },
    ];
  }

  padding(): { left: number; top: number; right: number; bottom: number } {
    return this.narrow ? { left: 12, top: 12, right: 12, bottom: 60 } : { left: 48, top: 64, right: 48, bottom: 40 };
  }

  /** Where an event is, in pixels from the upper left corner. */
  place(event: MouseEvent): { x: number; y: number } {
    const box = this.frame.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** What the word on an edge at a place is kept by; -1: there is none. */
  wordAt(x: number, y: number): number {
    return (
      this.painter.spots.find((spot) => x >= spot.left && x <= spot.right && y >= spot.top && y <= spot.bottom)?.of ??
      -1
    );
  }

  say(text: string): void {
    this.frame.said.textContent = text;
  }

  /** Says that there is no node in a direction. */
  sayNone(direction: Direction): void {
    this.say(
      direction === "left"
        ? gettext("Nothing before it.")
        : direction === "right"
          ? gettext("Nothing after it.")
          : gettext("Nothing further this way."),
    );
  }

  /** Gives a node the keyboard, brings it into view and says what it is; -1: no node has it. */
  setFocus(node: number): void {
    if (node === this.focused) return;
    this.touch(this.focused);
    this.touch(node);
    this.focused = node;
    this.frame.stage.classList.toggle("on-node", node >= 0);
    if (node >= 0) {
      this.reveal(node);
      this.say(this.subject.spoken(node));
    }
    this.repaint();
  }

  // Drawing

  ask(): void {
    if (!this.asked && this.opened) this.asked = requestAnimationFrame((now) => this.drawFrame(now));
  }

  private drawFrame(now: number): void {
    cancelAnimationFrame(this.asked);
    this.asked = 0;
    const going = this.subject.step(now);
    if (this.view.step(now) || going) this.ask();
    const more = this.dirty && this.arrangeCards();
    if (this.touched.size) {
      flushSync(() => {
        for (const key of this.touched) {
          this.versions.set(key, (this.versions.get(key) ?? 0) + 1);
          this.listeners.get(key)?.();
        }
      });
      this.touched.clear();
    }
    this.flow.move(this.view);
    if (this.dirty) {
      this.dirty = false;
      this.painter.paint(this.picture, this.view, this.theme, {
        ...this.subject.shown(),
        focused: this.focused,
        cards: this.cards,
        dash: this.dash,
      });
    }
    if (this.mapDirty) {
      if (this.mapDirty === "all") this.map.redraw(this.picture, this.theme);
      this.map.frame(this.view, this.theme);
      this.frame.map.classList.toggle("away", this.mapInTheWay());
      this.mapDirty = "";
    }
    this.subject.drawn();
    if (more) this.repaint();
    this.moveLive();
  }

  /** Whether the map says nothing, for all is in view, and is in the way. */
  private mapInTheWay(): boolean {
    const { view } = this;
    const { left, top, right, bottom } = this.picture.grid.bounds;
    const x2 = right * view.zoom + view.x;
    const y2 = bottom * view.zoom + view.y;
    const whole =
      left * view.zoom + view.x >= 0 && top * view.zoom + view.y >= 0 && x2 <= view.width && y2 <= view.height;
    return whole && (!this.manner.map || (x2 > view.width - MAP_WIDTH - 12 && y2 > view.height - MAP_HEIGHT - 12));
  }

  /** Decides which nodes are cards; whether more are to come in the next frame. */
  private arrangeCards(): boolean {
    const { cards, more } = cardsNear(this.picture, this.view, this.cards);
    if (cards !== this.cards || this.placesDirty) this.flow.show(this.picture, (this.cards = cards));
    this.placesDirty = false;
    return more;
  }

  /** Live edges move while one is in view and somebody may look. */
  private moveLive(): void {
    if (this.timer || !this.painter.moving || document.hidden || this.still) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.dash = (this.dash + 1) % 1100;
      this.repaint();
    }, DASH_MS);
  }
}
