/** The base of every canvas: a frame loop that moves the cards and paints. The board that owns the surface decides what is
 * shown and handles input. */

import type { ReactNode } from "react";
import { flushSync } from "react-dom";
import type { Box } from "../graph/grid";
import type { Direction } from "../graph/walk";
import { gettext } from "../words/i18n";
import { CardLayer } from "./card-layer";
import { type Frame, makeFrame, type Tool } from "./frame";
import { MAP_HEIGHT, MAP_WIDTH, Minimap } from "./minimap";
import { selectCards } from "./visible-cards";
import { Painter, type PaintState } from "./painter";
import { boxOf, nearestNode, type Picture } from "./picture";
import { readTheme, type Theme, watchTheme } from "./theme";
import { Viewport } from "./viewport";

/** The dashes of live edges move 20 times a second, which looks smooth and costs little. */
const DASH_MS = 50;
const NARROW = "(max-width: 900px)";

export interface SurfaceClient {
  /** The selection, and texts of painted nodes. */
  paintState(): Pick<PaintState, "chosen" | "line">;
  renderCard(key: string): ReactNode;
  /** Describes a node for screen readers. */
  describe(node: number): string;
  /** Called before a frame is drawn; returns whether another frame must follow. */
  beforeFrame(now: number): boolean;
  /** Called after a frame was drawn. */
  afterFrame(): void;
}

interface SurfaceOptions {
  /** Describes the keys for screen readers. */
  readonly keyboardHelp: string;
  /** How far one may pan beyond the graph, in the graph's units. */
  readonly panRoom: number;
  /** Whether the minimap is shown even while the whole graph is in view. */
  readonly alwaysShowMap: boolean;
}

export class Surface {
  readonly frame: Frame;
  readonly viewport: Viewport;
  readonly painter: Painter;
  /** Whether the whole graph is fitted into view when the size changes: until the user moves the view. */
  fitted = true;
  /** The node with keyboard focus; -1: none. */
  focused = -1;
  theme: Theme;
  private readonly cardLayer: CardLayer;
  private readonly map: Minimap;
  private readonly narrowQuery = matchMedia(NARROW);
  private readonly reducedMotionQuery = matchMedia("(prefers-reduced-motion: reduce)");
  private readonly abort = new AbortController();
  private readonly cleanups: (() => void)[] = [];
  private readonly versions = new Map<string, number>();
  private readonly listeners = new Map<string, () => void>();
  /** Keys of cards to render again. */
  private readonly dirtyCards = new Set<string>();
  private cards: ReadonlySet<number> = new Set();
  private positionsDirty = false;
  private dirty = true;
  private mapDirty: "all" | "frame" | "" = "all";
  private opened = false;
  private dash = 0;
  private timer = 0;
  private frameRequest = 0;

  constructor(
    private readonly host: HTMLElement,
    private picture: Picture,
    private readonly client: SurfaceClient,
    private readonly options: SurfaceOptions,
  ) {
    this.frame = makeFrame(host, options.keyboardHelp);
    this.viewport = new Viewport(() => this.viewportChanged());
    this.painter = new Painter(this.frame.paint);
    this.painter.reset(picture);
    this.theme = readTheme(host);
    this.cardLayer = new CardLayer(this.frame.cards, {
      listen: (key, changed) => {
        this.listeners.set(key, changed);
        return () => {
          if (this.listeners.get(key) === changed) this.listeners.delete(key);
        };
      },
      version: (key) => this.versions.get(key) ?? 0,
      renderCard: (key) => client.renderCard(key),
    });
    this.map = new Minimap(this.frame.map, (x, y) => {
      this.fitted = false;
      this.viewport.centre(x, y);
    });
    this.viewport.setBounds(picture.grid.bounds, options.panRoom);
    this.listen();
  }

  get narrow(): boolean {
    return this.narrowQuery.matches;
  }
  get reducedMotion(): boolean {
    return this.reducedMotionQuery.matches;
  }
  /** Whether movements are animated. */
  get animates(): boolean {
    return this.opened && !this.reducedMotion;
  }
  /** Nodes with a DOM card. */
  get cardNodes(): ReadonlySet<number> {
    return this.cards;
  }

  private listen(): void {
    this.cleanups.push(
      watchTheme(() => {
        this.theme = readTheme(this.host);
        this.repaintAll();
      }),
    );
    const observer = new ResizeObserver(() => {
      if (this.host.clientWidth !== this.viewport.width || this.host.clientHeight !== this.viewport.height)
        this.resized();
    });
    observer.observe(this.host);
    this.cleanups.push(() => observer.disconnect());
    void document.fonts.ready.then(() => {
      this.painter.reset(this.picture);
      this.repaint();
    });
    document.addEventListener("visibilitychange", () => this.requestFrame(), { signal: this.abort.signal });
    this.frame.stage.addEventListener("wheel", () => (this.fitted = false), {
      signal: this.abort.signal,
      passive: true,
    });
  }

  /** Takes the size of the host element and draws. */
  resized(): void {
    const { clientWidth, clientHeight } = this.host;
    if (!clientWidth || !clientHeight) return;
    this.painter.resize(clientWidth, clientHeight);
    this.viewport.resize(clientWidth, clientHeight);
    if (this.fitted) this.viewport.fit(this.picture.grid.bounds, this.padding(), 1);
    this.opened = true;
    this.drawFrame(performance.now());
  }

  destroy(): void {
    this.abort.abort();
    for (const end of this.cleanups) end();
    window.clearTimeout(this.timer);
    cancelAnimationFrame(this.frameRequest);
    this.cardLayer.destroy();
  }

  // Changes

  /** Shows another picture, in which nodes may have other numbers. Cards with the same key stay. */
  show(picture: Picture): void {
    this.picture = picture;
    this.painter.reset(picture);
    // Nodes with a card keep it under their new number.
    const cards = new Set<number>();
    for (const key of this.cardLayer.keys) {
      const node = picture.find(key);
      if (node >= 0) cards.add(node);
    }
    this.cards = cards;
    this.positionsChanged();
  }

  /** Positions of nodes have changed. */
  positionsChanged(): void {
    this.positionsDirty = true;
    this.viewport.setBounds(this.picture.grid.bounds, this.options.panRoom);
    this.repaintAll();
  }

  /** Positions of nodes are changing; the minimap follows at the end. */
  positionsChanging(): void {
    this.positionsDirty = true;
    this.repaint();
  }

  /** Marks the card of a node to be rendered again. */
  invalidateCard(node: number): void {
    if (node >= 0) this.dirtyCards.add(this.picture.key(node));
  }
  invalidateAllCards(): void {
    for (const key of this.listeners.keys()) this.dirtyCards.add(key);
  }
  /** Marks the cards for which `differs` is true. */
  invalidateCardsWhere(differs: (key: string) => boolean): void {
    for (const key of this.listeners.keys()) if (differs(key)) this.dirtyCards.add(key);
  }

  /** Colours of nodes have changed. */
  recolour(nodes: readonly number[]): void {
    this.dirty = true;
    if (this.mapDirty === "all") return;
    this.map.update(this.picture, this.theme, nodes);
    this.mapDirty = "frame";
  }

  /** Repaints, the minimap included. */
  repaintAll(): void {
    this.mapDirty = "all";
    this.repaint();
  }

  repaint(): void {
    this.dirty = true;
    this.requestFrame();
  }

  private viewportChanged(): void {
    this.dirty = true;
    if (!this.mapDirty) this.mapDirty = "frame";
    this.requestFrame();
  }

  // The viewport

  /** `bounds`: of all nodes, once a running animation has ended. */
  fit(bounds: Box = this.picture.grid.bounds): void {
    this.fitted = true;
    this.viewport.fit(bounds, this.padding(), 1, this.animates);
  }

  fitBox(box: Box): void {
    this.fitted = false;
    this.viewport.fit(box, this.padding(), 1, this.animates);
  }

  reveal(node: number): void {
    this.viewport.reveal(boxOf(this.picture, node), 24, this.animates);
  }

  goTo(node: number): void {
    const box = boxOf(this.picture, node);
    this.fitted = false;
    this.viewport.centre(
      (box.left + box.right) / 2,
      (box.top + box.bottom) / 2,
      Math.max(0.8, this.viewport.zoom),
      this.animates,
    );
  }

  centreNode(): number {
    const { x, y } = this.viewport.toGraph(0, this.viewport.height / 2);
    return nearestNode(this.picture, x, y);
  }

  zoom(factor: number): void {
    this.fitted = false;
    this.viewport.zoomAt(this.viewport.width / 2, this.viewport.height / 2, factor);
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

  /** The position of an event, in pixels from the upper left corner. */
  pointOf(event: MouseEvent): { x: number; y: number } {
    const box = this.frame.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** The key of the label at a point; -1: none. */
  labelAt(x: number, y: number): number {
    return (
      this.painter.labelBoxes.find((spot) => x >= spot.left && x <= spot.right && y >= spot.top && y <= spot.bottom)
        ?.key ?? -1
    );
  }

  announce(text: string): void {
    this.frame.announcer.textContent = text;
  }

  /** Announces that there is no node in a direction. */
  announceNoNeighbour(direction: Direction): void {
    this.announce(
      direction === "left"
        ? gettext("No upstream node.")
        : direction === "right"
          ? gettext("No downstream node.")
          : gettext("No more nodes in this direction."),
    );
  }

  /** Gives a node the keyboard focus, shows and announces it; -1: none. */
  setFocus(node: number): void {
    if (node === this.focused) return;
    this.invalidateCard(this.focused);
    this.invalidateCard(node);
    this.focused = node;
    this.frame.stage.classList.toggle("on-node", node >= 0);
    if (node >= 0) {
      this.reveal(node);
      this.announce(this.client.describe(node));
    }
    this.repaint();
  }

  // Drawing

  requestFrame(): void {
    if (!this.frameRequest && this.opened) this.frameRequest = requestAnimationFrame((now) => this.drawFrame(now));
  }

  private drawFrame(now: number): void {
    cancelAnimationFrame(this.frameRequest);
    this.frameRequest = 0;
    const going = this.client.beforeFrame(now);
    if (this.viewport.step(now) || going) this.requestFrame();
    const more = this.dirty && this.arrangeCards();
    if (this.dirtyCards.size) {
      flushSync(() => {
        for (const key of this.dirtyCards) {
          this.versions.set(key, (this.versions.get(key) ?? 0) + 1);
          this.listeners.get(key)?.();
        }
      });
      this.dirtyCards.clear();
    }
    this.cardLayer.move(this.viewport);
    if (this.dirty) {
      this.dirty = false;
      this.painter.paint(this.picture, this.viewport, this.theme, {
        ...this.client.paintState(),
        focused: this.focused,
        cards: this.cards,
        dash: this.dash,
      });
    }
    if (this.mapDirty) {
      if (this.mapDirty === "all") this.map.redraw(this.picture, this.theme);
      this.map.frame(this.viewport, this.theme);
      this.frame.map.classList.toggle("away", this.isMapHidden());
      this.mapDirty = "";
    }
    this.client.afterFrame();
    if (more) this.repaint();
    this.scheduleDashes();
  }

  /** The minimap is hidden while the whole graph is in view, if it is optional or would cover nodes. */
  private isMapHidden(): boolean {
    const { viewport } = this;
    const { left, top, right, bottom } = this.picture.grid.bounds;
    const x2 = right * viewport.zoom + viewport.x;
    const y2 = bottom * viewport.zoom + viewport.y;
    const whole =
      left * viewport.zoom + viewport.x >= 0 &&
      top * viewport.zoom + viewport.y >= 0 &&
      x2 <= viewport.width &&
      y2 <= viewport.height;
    return (
      whole &&
      (!this.options.alwaysShowMap || (x2 > viewport.width - MAP_WIDTH - 12 && y2 > viewport.height - MAP_HEIGHT - 12))
    );
  }

  /** Updates the cards; returns whether more follow in the next frame. */
  private arrangeCards(): boolean {
    const { cards, more } = selectCards(this.picture, this.viewport, this.cards);
    if (cards !== this.cards || this.positionsDirty) this.cardLayer.show(this.picture, (this.cards = cards));
    this.positionsDirty = false;
    return more;
  }

  /** Moves the dashes of live edges while one is in view and the page is visible. */
  private scheduleDashes(): void {
    if (this.timer || !this.painter.moving || document.hidden || this.reducedMotion) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.dash = (this.dash + 1) % 1100;
      this.repaint();
    }, DASH_MS);
  }
}
