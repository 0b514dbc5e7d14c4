/** Paints everything that is not a DOM card on one canvas: background, edges, labels, and nodes that are small or many. */

import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import { visible } from "../words/words";
import type { Picture } from "./picture";
import type { Theme } from "./theme";
import { EdgePainter } from "./edge-painter";
import { type Viewport, ZOOM_CARDS, ZOOM_NAMES } from "./viewport";

const DOT_DISTANCE = 20;
const NAME_MAX = 200;

export interface PaintState {
  /** Nodes with a DOM card, which are not painted. */
  readonly cards: ReadonlySet<number>;
  /** Selected nodes. */
  readonly chosen: ReadonlySet<number>;
  /** The node with keyboard focus; -1: none. */
  readonly focused: number;
  /** Offset of the dashes of live edges, in pixels. */
  readonly dash: number;
  /** The second line of a card. */
  readonly line: (node: number) => string;
}

/** The box of a painted label, in pixels. */
interface LabelBox {
  /** Key of the label in `Picture.labels`. */
  readonly key: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export class Painter {
  private readonly pen: CanvasRenderingContext2D;
  private ratio = 1;
  private widths: Float32Array = new Float32Array(0);
  private names: (string | undefined)[] = [];
  private dots: CanvasPattern | null = null;
  private dotsOf = "";
  private readonly edges: EdgePainter;
  labelBoxes: LabelBox[] = [];

  /** A live edge is in view, so that its dashes must move. */
  get moving(): boolean {
    return this.edges.moving;
  }

  constructor(readonly canvas: HTMLCanvasElement) {
    const pen = canvas.getContext("2d", { alpha: false });
    if (!pen) throw new Error("This browser has no 2D canvas.");
    this.pen = pen;
    this.edges = new EdgePainter(pen);
  }

  resize(width: number, height: number): void {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.dots = null;
  }

  /** Forgets measured names, after the graph or the font has changed. */
  reset(scene: Picture): void {
    this.widths = new Float32Array(scene.graph.size);
    this.names = [];
  }

  /** Forgets the measured name of a node that was renamed. */
  forgetName(node: number): void {
    this.names[node] = undefined;
  }

  paint(scene: Picture, view: Viewport, theme: Theme, shown: PaintState): void {
    const pen = this.pen;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.paintGround(view, theme);
    this.edges.paint(scene, view, theme, shown.chosen, shown.dash, this.ratio);
    this.labelBoxes = [];
    if (view.zoom >= ZOOM_CARDS) this.paintLabels(scene, view, theme);
    if (view.zoom < ZOOM_NAMES) this.paintBlocks(scene, view, theme, shown);
    else this.paintCards(scene, view, theme, shown);
  }

  private paintGround(view: Viewport, theme: Theme): void {
    const pen = this.pen;
    pen.fillStyle = theme.ground;
    pen.fillRect(0, 0, view.width, view.height);
    if (view.zoom < 0.5) return;
    const step = DOT_DISTANCE * view.zoom;
    const key = `${theme.line} ${theme.ground} ${step}`;
    if (!this.dots || this.dotsOf !== key) {
      const tile = document.createElement("canvas");
      const size = Math.max(1, Math.round(step * this.ratio));
      tile.width = size;
      tile.height = size;
      const ink = tile.getContext("2d");
      if (!ink) return;
      ink.fillStyle = theme.ground;
      ink.fillRect(0, 0, size, size);
      ink.fillStyle = theme.line;
      ink.beginPath();
      ink.arc(size / 2, size / 2, this.ratio, 0, 2 * Math.PI);
      ink.fill();
      this.dots = pen.createPattern(tile, "repeat");
      // The tile has whole pixels; scale it to the exact distance.
      this.dots?.setTransform(new DOMMatrix().scale(step / size));
      this.dotsOf = key;
    }
    if (!this.dots) return;
    const x = view.x % step;
    const y = view.y % step;
    pen.translate(x, y);
    pen.fillStyle = this.dots;
    pen.fillRect(-step, -step, view.width + 2 * step, view.height + 2 * step);
    pen.translate(-x, -y);
  }

  private paintLabels(scene: Picture, view: Viewport, theme: Theme): void {
    const pen = this.pen;
    const box = view.box(60);
    const size = Math.max(8, 11 * view.zoom);
    pen.font = `500 ${size}px ${theme.family}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [of, label] of scene.labels) {
      if (label.x < box.left || label.x > box.right || label.y < box.top || label.y > box.bottom) continue;
      const x = label.x * view.zoom + view.x;
      const y = label.y * view.zoom + view.y;
      const half = pen.measureText(label.text).width / 2 + Math.min(5, 5 * view.zoom);
      const high = size * 0.64;
      pen.fillStyle = theme.ground;
      pen.beginPath();
      pen.roundRect(x - half, y - high, 2 * half, 2 * high, high);
      pen.fill();
      pen.fillStyle = label.outdated ? theme.ink3 : theme.ink2;
      pen.fillText(label.text, x, y + size * 0.06);
      this.labelBoxes.push({ key: of, left: x - half, top: y - high - 4, right: x + half, bottom: y + high + 4 });
    }
  }

  private paintBlocks(scene: Picture, view: Viewport, theme: Theme, shown: PaintState): void {
    const pen = this.pen;
    const { x, y, zoom } = view;
    const wide = Math.max(1.5, NODE_WIDTH * zoom);
    const high = Math.max(1.5, NODE_HEIGHT * zoom);
    const byColour: number[][] = [];
    const stuck: number[] = [];
    const marked: number[] = [];
    scene.grid.within(view.box(12), (node) => {
      if (node === shown.focused || shown.chosen.has(node)) marked.push(node);
      if (scene.stuck[node]) stuck.push(node);
      else (byColour[scene.states[node] ?? 0] ??= []).push(node);
    });
    const draw = (nodes: readonly number[] | undefined, colour: string): void => {
      if (!nodes?.length) return;
      pen.fillStyle = colour;
      for (const node of nodes)
        pen.fillRect((scene.at[2 * node] ?? 0) * zoom + x, (scene.at[2 * node + 1] ?? 0) * zoom + y, wide, high);
    };
    theme.blocks.forEach((colour, state) => draw(byColour[state], colour));
    draw(stuck, theme.stuck);
    for (const node of marked) {
      const left = (scene.at[2 * node] ?? 0) * zoom + x;
      const top = (scene.at[2 * node + 1] ?? 0) * zoom + y;
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2;
      pen.strokeRect(left - 3, top - 3, wide + 6, high + 6);
      if (shown.chosen.has(node)) {
        pen.strokeStyle = theme.accentSoft;
        pen.lineWidth = 4;
        pen.strokeRect(left - 6, top - 6, wide + 12, high + 12);
      }
    }
  }

  private paintCards(scene: Picture, view: Viewport, theme: Theme, shown: PaintState): void {
    const pen = this.pen;
    const { x, y, zoom } = view;
    const near = zoom >= ZOOM_CARDS;
    const wide = NODE_WIDTH * zoom;
    const high = NODE_HEIGHT * zoom;
    const size = near ? 13 * zoom : Math.max(10, 15 * zoom);
    const name = `600 ${size}px ${theme.family}`;
    const line = `400 ${12 * zoom}px ${theme.family}`;
    const radius = 7 * zoom;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.font = name;
    scene.grid.within(view.box(12), (node) => {
      if (shown.cards.has(node)) return;
      const left = (scene.at[2 * node] ?? 0) * zoom + x;
      const top = (scene.at[2 * node + 1] ?? 0) * zoom + y;
      const state = scene.states[node] ?? 0;
      const chosen = shown.chosen.has(node);
      if (chosen) {
        pen.strokeStyle = theme.accentSoft;
        pen.lineWidth = 6 * Math.max(0.6, zoom);
        pen.beginPath();
        pen.roundRect(left, top, wide, high, radius);
        pen.stroke();
      }
      pen.fillStyle = theme.surface;
      pen.strokeStyle = chosen ? theme.accent : scene.stuck[node] ? theme.stuck : theme.lineStrong;
      pen.lineWidth = chosen ? 1.5 : 1;
      pen.beginPath();
      pen.roundRect(left + 0.5, top + 0.5, wide - 1, high - 1, radius);
      pen.fill();
      pen.stroke();
      pen.fillStyle = scene.stuck[node] ? theme.stuck : (theme.states[state] ?? theme.lineStrong);
      pen.beginPath();
      pen.roundRect(left, top, near ? 4 * zoom : Math.max(3, 10 * zoom), high, [radius, 0, 0, radius]);
      pen.fill();
      const inset = near ? 38 * zoom : Math.max(3, 10 * zoom) + 4;
      pen.fillStyle = state === 0 ? theme.ink2 : theme.ink;
      pen.fillText(
        this.fitName(scene, node, (wide - inset - (near ? 32 * zoom : 6)) / size),
        left + inset,
        near ? top + 19 * zoom : top + high / 2 + 0.5,
      );
      if (near) {
        pen.font = line;
        pen.fillStyle = theme.ink3;
        pen.fillText(truncate(shown.line(node), 24), left + inset, top + 36 * zoom);
        pen.font = name;
      }
      if (node === shown.focused) {
        pen.strokeStyle = theme.accent;
        pen.lineWidth = 2;
        pen.strokeRect(left - 3, top - 3, wide + 6, high + 6);
      }
    });
  }

  /** Truncates a node's name to `room` ems. Each name is measured once. */
  private fitName(scene: Picture, node: number, room: number): string {
    let name = this.names[node];
    if (name === undefined) {
      name = visible((scene.graph.names[node] ?? "").slice(0, NAME_MAX)).replace(/\s+/g, " ");
      this.names[node] = name;
      const size = Number.parseFloat(/([\d.]+)px/.exec(this.pen.font)?.[1] ?? "13");
      this.widths[node] = this.pen.measureText(name).width / size;
    }
    const width = this.widths[node] ?? 0;
    return width <= room ? name : truncate(name, Math.max(1, Math.floor((name.length * room) / width) - 1));
  }
}

/** Truncates text to `most` characters and an ellipsis, never within a surrogate pair. */
export function truncate(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text[most - 1] ?? "") ? most - 1 : most;
  return `${text.slice(0, end).trimEnd()}…`;
}
