/** Paints everything that is no element on one canvas: ground, edges, row counts, and nodes that are far or many. */

import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import { bevelled, POINT } from "../graph/track";
import { visible } from "../words/words";
import { type Scene, Track, TRACKS } from "./scene";
import type { Theme } from "./theme";
import { type View, ZOOM_CARDS, ZOOM_NAMES } from "./view";

/** Edges drawn at most; of more, those that tell most are drawn and every n-th of the others. */
const EDGES_MAX = 2500;
/** Of more edges than this no dashes are seen, only their cost. */
const DASHED_MAX = 400;
/** An edge that reaches further beyond the view than this is drawn in pieces: dashes that nobody sees cost the most. */
const BEYOND = 600;
const DOTS = 20;
const NAME_MAX = 200;

export interface Shown {
  /** Nodes that are elements: not painted. */
  readonly cards: ReadonlySet<number>;
  /** Numbers of nodes; -1: none. */
  readonly chosen: number;
  readonly focused: number;
  /** How far the dashes of live edges have moved, in pixels. */
  readonly dash: number;
  /** The second line of a card. */
  readonly line: (node: number) => string;
}

/** Where a row count was painted, in pixels. */
export interface Spot {
  readonly node: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export class Painter {
  private readonly pen: CanvasRenderingContext2D;
  private ratio = 1;
  private widths: Float32Array = new Float32Array(0);
  private names: string[] = [];
  private dots: CanvasPattern | null = null;
  private dotsOf = "";
  private readonly seen: Int32Array[] = Array.from({ length: TRACKS }, () => new Int32Array(0));
  private readonly counts = new Int32Array(TRACKS);
  spots: Spot[] = [];
  /** Whether a live edge was in view, so that it pays to move it. */
  moving = false;

  constructor(readonly canvas: HTMLCanvasElement) {
    const pen = canvas.getContext("2d", { alpha: false });
    if (!pen) throw new Error("This browser gives no 2D canvas.");
    this.pen = pen;
  }

  resize(width: number, height: number): void {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.dots = null;
  }

  /** Forgets what it measured: another graph, or another font. */
  reset(scene: Scene): void {
    this.widths = new Float32Array(scene.graph.size);
    this.names = [];
  }

  paint(scene: Scene, view: View, theme: Theme, shown: Shown): void {
    const pen = this.pen;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.ground(view, theme);
    this.edges(scene, view, theme, shown);
    this.spots = [];
    if (view.zoom >= ZOOM_CARDS) this.labels(scene, view, theme);
    if (view.zoom < ZOOM_NAMES) this.blocks(scene, view, theme, shown);
    else this.cards(scene, view, theme, shown);
  }

  private ground(view: View, theme: Theme): void {
    const pen = this.pen;
    pen.fillStyle = theme.ground;
    pen.fillRect(0, 0, view.width, view.height);
    if (view.zoom < 0.5) return;
    const step = DOTS * view.zoom;
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
      // The tile has whole pixels; the pattern is stretched to the true step.
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

  private edges(scene: Scene, view: View, theme: Theme, shown: Shown): void {
    const { boxes } = scene.ways;
    const { left, top, right, bottom } = view.box(4);
    this.clip = { left, top, right, bottom };
    const edges = scene.graph.edges;
    this.counts.fill(0);
    // A walk over all boxes takes 0.2 ms for 50,000 edges: no index would be quicker than what it saves.
    for (let edge = 0; edge < edges; edge += 1) {
      const at = 4 * edge;
      if ((boxes[at] ?? 0) > right || (boxes[at + 2] ?? 0) < left || (boxes[at + 1] ?? 0) > bottom || (boxes[at + 3] ?? 0) < top) continue;
      if (!this.crosses(scene, edge)) continue;
      const kind = scene.tracks[edge] ?? 0;
      let list = this.seen[kind] ?? new Int32Array(0);
      const filled = this.counts[kind] ?? 0;
      if (filled === list.length) {
        const wider = new Int32Array(Math.max(256, 2 * filled));
        wider.set(list);
        list = wider;
        this.seen[kind] = list;
      }
      list[filled] = edge;
      this.counts[kind] = filled + 1;
    }
    this.moving = (this.counts[Track.live] ?? 0) > 0 && view.zoom >= ZOOM_CARDS;
    const colours = [theme.lineStrong, theme.lineStrong, theme.done, theme.bad, theme.live];
    const far = view.zoom < ZOOM_NAMES;
    const pen = this.pen;
    const { x, y, zoom } = view;
    pen.lineWidth = far ? 1 : Math.max(1, 2 * zoom);
    pen.lineJoin = "round";
    const share = EDGES_MAX / 2;
    for (let kind = 0; kind < TRACKS; kind += 1) {
      const count = this.counts[kind] ?? 0;
      if (!count) continue;
      const list = this.seen[kind] ?? new Int32Array(0);
      const most = kind === Track.live || kind === Track.bad ? EDGES_MAX : share;
      // Powers of two: zooming in adds edges to those that are there, and takes none away.
      const every = count <= most ? 1 : 2 ** Math.ceil(Math.log2(count / most));
      pen.strokeStyle = colours[kind] ?? theme.lineStrong;
      pen.globalAlpha = every > 1 ? 0.6 : 1;
      const plain = far || count > DASHED_MAX;
      if (!plain && (kind === Track.blocked || kind === Track.bad)) pen.setLineDash([2 * Math.max(0.6, zoom), 5 * Math.max(0.6, zoom)]);
      else if (!plain && kind === Track.live) pen.setLineDash([6 * Math.max(0.6, zoom), 5 * Math.max(0.6, zoom)]);
      else pen.setLineDash([]);
      pen.lineDashOffset = kind === Track.live ? -shown.dash : 0;
      pen.beginPath();
      for (let index = 0; index < count; index += 1) {
        const edge = list[index] ?? 0;
        if (every > 1 && ((Math.imul(edge, 0x9e3779b1) >>> 8) & (every - 1)) !== 0) continue;
        this.edge(scene, edge, x, y, zoom, far);
      }
      pen.stroke();
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    if (far && shown.chosen >= 0) this.chosenEdges(scene, view, theme, shown.chosen);
  }

  /** From afar, the edges of the chosen node stand out among the others. */
  private chosenEdges(scene: Scene, view: View, theme: Theme, node: number): void {
    const pen = this.pen;
    pen.strokeStyle = theme.accent;
    pen.lineWidth = 1.5;
    pen.beginPath();
    let left = 400;
    for (const { start, edges } of [scene.graph.into, scene.graph.outOf]) {
      for (let place = start[node] ?? 0; place < (start[node + 1] ?? 0) && left > 0; place += 1, left -= 1) this.edge(scene, edges[place] ?? 0, view.x, view.y, view.zoom, true);
    }
    pen.stroke();
  }

  private readonly bevel = {
    x: 0,
    y: 0,
    zoom: 1,
    pen: null as CanvasRenderingContext2D | null,
    moveTo(x: number, y: number): void {
      this.pen?.moveTo(x * this.zoom + this.x, y * this.zoom + this.y);
    },
    lineTo(x: number, y: number): void {
      this.pen?.lineTo(x * this.zoom + this.x, y * this.zoom + this.y);
    },
  };

  private edge(scene: Scene, edge: number, x: number, y: number, zoom: number, far: boolean): void {
    const { start, points } = scene.ways;
    const from = start[edge] ?? 0;
    const end = start[edge + 1] ?? 0;
    const pen = this.pen;
    if (far) {
      pen.moveTo(Math.round((points[from] ?? 0) * zoom + x) + 0.5, Math.round((points[from + 1] ?? 0) * zoom + y) + 0.5);
      for (let at = from + 2; at < end; at += 2) pen.lineTo(Math.round((points[at] ?? 0) * zoom + x) + 0.5, Math.round((points[at + 1] ?? 0) * zoom + y) + 0.5);
      return;
    }
    const box = 4 * edge;
    const { left, top, right, bottom } = this.clip;
    const { boxes } = scene.ways;
    if ((boxes[box] ?? 0) < left - BEYOND || (boxes[box + 1] ?? 0) < top - BEYOND || (boxes[box + 2] ?? 0) > right + BEYOND || (boxes[box + 3] ?? 0) > bottom + BEYOND) {
      this.pieces(points, from, end, x, y, zoom);
      return;
    }
    const bevel = this.bevel;
    bevel.pen = pen;
    bevel.x = x;
    bevel.y = y;
    bevel.zoom = zoom;
    bevelled(points, from, end - from, bevel);
  }

  private clip = { left: 0, top: 0, right: 0, bottom: 0 };

  /** Whether any run of an edge lies in view: the box around all of them mostly does, in a large graph. */
  private crosses(scene: Scene, edge: number): boolean {
    const { start, points } = scene.ways;
    const { left, top, right, bottom } = this.clip;
    const end = (start[edge + 1] ?? 0) - 2;
    for (let at = start[edge] ?? 0; at < end; at += 2) {
      const ax = points[at] ?? 0;
      const ay = points[at + 1] ?? 0;
      const bx = points[at + 2] ?? 0;
      const by = points[at + 3] ?? 0;
      if ((ax < bx ? ax : bx) <= right && (ax > bx ? ax : bx) >= left && (ay < by ? ay : by) <= bottom && (ay > by ? ay : by) >= top) return true;
    }
    return false;
  }

  /** The runs of an edge that lie in view, cut there; corners are cut as `bevelled` cuts them. */
  private pieces(points: Float64Array, from: number, end: number, x: number, y: number, zoom: number): void {
    const pen = this.pen;
    const { left, top, right, bottom } = this.clip;
    const last = end - 2;
    for (let at = from; at < last; at += 2) {
      let ax = points[at] ?? 0;
      let ay = points[at + 1] ?? 0;
      let bx = points[at + 2] ?? 0;
      let by = points[at + 3] ?? 0;
      const dx = Math.sign(bx - ax);
      const dy = Math.sign(by - ay);
      const half = (Math.abs(bx - ax) + Math.abs(by - ay)) / 2;
      const cut = Math.min(POINT, half);
      if (at > from) {
        ax += dx * cut;
        ay += dy * cut;
      }
      if (at + 2 < last) {
        bx -= dx * cut;
        by -= dy * cut;
      }
      const seen = Math.min(ax, bx) <= right && Math.max(ax, bx) >= left && Math.min(ay, by) <= bottom && Math.max(ay, by) >= top;
      if (seen) {
        pen.moveTo(Math.max(left, Math.min(right, ax)) * zoom + x, Math.max(top, Math.min(bottom, ay)) * zoom + y);
        pen.lineTo(Math.max(left, Math.min(right, bx)) * zoom + x, Math.max(top, Math.min(bottom, by)) * zoom + y);
      }
      if (at + 2 < last && bx <= right + POINT && bx >= left - POINT && by <= bottom + POINT && by >= top - POINT) {
        const cx = points[at + 2] ?? 0;
        const cy = points[at + 3] ?? 0;
        const nx = (points[at + 4] ?? 0) - cx;
        const ny = (points[at + 5] ?? 0) - cy;
        const next = Math.min(POINT, (Math.abs(nx) + Math.abs(ny)) / 2);
        pen.moveTo(bx * zoom + x, by * zoom + y);
        pen.lineTo((cx + Math.sign(nx) * next) * zoom + x, (cy + Math.sign(ny) * next) * zoom + y);
      }
    }
  }

  private labels(scene: Scene, view: View, theme: Theme): void {
    const pen = this.pen;
    const box = view.box(60);
    const size = Math.max(10, 11 * view.zoom);
    pen.font = `500 ${size}px ${theme.family}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [node, label] of scene.labels) {
      if (label.x < box.left || label.x > box.right || label.y < box.top || label.y > box.bottom) continue;
      const x = label.x * view.zoom + view.x;
      const y = label.y * view.zoom + view.y;
      const half = pen.measureText(label.text).width / 2 + 5;
      const high = size * 0.64;
      pen.fillStyle = theme.ground;
      pen.beginPath();
      pen.roundRect(x - half, y - high, 2 * half, 2 * high, high);
      pen.fill();
      pen.fillStyle = theme.ink2;
      pen.fillText(label.text, x, y + size * 0.06);
      this.spots.push({ node, left: x - half, top: y - high - 4, right: x + half, bottom: y + high + 4 });
    }
  }

  private blocks(scene: Scene, view: View, theme: Theme, shown: Shown): void {
    const pen = this.pen;
    const { x, y, zoom } = view;
    const wide = Math.max(1.5, NODE_WIDTH * zoom);
    const high = Math.max(1.5, NODE_HEIGHT * zoom);
    const byColour: number[][] = [];
    const stuck: number[] = [];
    scene.grid.within(view.box(), (node) => {
      if (scene.stuck[node]) stuck.push(node);
      else (byColour[scene.states[node] ?? 0] ??= []).push(node);
    });
    const draw = (nodes: readonly number[] | undefined, colour: string): void => {
      if (!nodes?.length) return;
      pen.fillStyle = colour;
      for (const node of nodes) pen.fillRect((scene.at[2 * node] ?? 0) * zoom + x, (scene.at[2 * node + 1] ?? 0) * zoom + y, wide, high);
    };
    theme.blocks.forEach((colour, state) => draw(byColour[state], colour));
    draw(stuck, theme.stuck);
    for (const node of [shown.chosen, shown.focused]) {
      if (node < 0) continue;
      const left = (scene.at[2 * node] ?? 0) * zoom + x;
      const top = (scene.at[2 * node + 1] ?? 0) * zoom + y;
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2;
      pen.strokeRect(left - 3, top - 3, wide + 6, high + 6);
      if (node === shown.chosen) {
        pen.strokeStyle = theme.accentSoft;
        pen.lineWidth = 4;
        pen.strokeRect(left - 6, top - 6, wide + 12, high + 12);
      }
    }
  }

  private cards(scene: Scene, view: View, theme: Theme, shown: Shown): void {
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
      const chosen = node === shown.chosen;
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
      pen.fillText(this.cut(scene, node, (wide - inset - (near ? 32 * zoom : 6)) / size), left + inset, near ? top + 19 * zoom : top + high / 2 + 0.5);
      if (near) {
        pen.font = line;
        pen.fillStyle = theme.ink3;
        pen.fillText(cutTo(shown.line(node), 24), left + inset, top + 36 * zoom);
        pen.font = name;
      }
      if (node === shown.focused) {
        pen.strokeStyle = theme.accent;
        pen.lineWidth = 2;
        pen.strokeRect(left - 3, top - 3, wide + 6, high + 6);
      }
    });
  }

  /** A node's name cut to `room` ems. Each name is measured once. */
  private cut(scene: Scene, node: number, room: number): string {
    let name = this.names[node];
    if (name === undefined) {
      name = visible((scene.graph.names[node] ?? "").slice(0, NAME_MAX)).replace(/\s+/g, " ");
      this.names[node] = name;
      const size = Number.parseFloat(/([\d.]+)px/.exec(this.pen.font)?.[1] ?? "13");
      this.widths[node] = this.pen.measureText(name).width / size;
    }
    const width = this.widths[node] ?? 0;
    return width <= room ? name : cutTo(name, Math.max(1, Math.floor((name.length * room) / width) - 1));
  }
}

/** The first `most` characters with an ellipsis, never half of a pair. */
export function cutTo(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text[most - 1] ?? "") ? most - 1 : most;
  return `${text.slice(0, end).trimEnd()}…`;
}
