/** Paints the edges: batched by style, clipped to the view, thinned out where there are too many. */

import { drawBevelled, BEVEL } from "../graph/edge-path";
import { type Picture, EdgeStyle, EDGE_STYLES } from "./picture";
import type { Theme } from "./theme";
import { type Viewport, ZOOM_CARDS, ZOOM_NAMES } from "./viewport";

/** Maximum number of edges drawn; of more, the important ones and every n-th of the others are drawn. */
const EDGES_MAX = 2500;
/** With more edges than these, dashes cost much and cannot be seen. */
const DASHED_MAX = 400;
/** Edges that reach further beyond the view are clipped: invisible dashes would cost the most. */
const CLIP_DISTANCE = 600;
/** Number of selected nodes whose edges are highlighted when zoomed out. */
const CHOSEN_MAX = 40;
/** Edges per canvas path: one path of thousands of edges costs far more than several small ones. */
const PATH_EDGES = 64;

export class EdgePainter {
  /** By style, then by style those that only order. */
  private readonly visible: Int32Array[] = Array.from({ length: 2 * EDGE_STYLES }, () => new Int32Array(0));
  private readonly counts = new Int32Array(2 * EDGE_STYLES);
  /** A live edge is in view, so that its dashes must move. */
  moving = false;

  constructor(private readonly pen: CanvasRenderingContext2D) {}

  paint(scene: Picture, view: Viewport, theme: Theme, chosen: ReadonlySet<number>, dash: number, ratio: number): void {
    const { boxes } = scene.paths;
    const { left, top, right, bottom } = view.box(4);
    this.clip = { left, top, right, bottom };
    const edges = scene.graph.edges;
    this.counts.fill(0);
    // A pass over 50,000 boxes takes 0.2 ms: an index would not be quicker.
    for (let edge = 0; edge < edges; edge += 1) {
      const at = 4 * edge;
      if (
        (boxes[at] ?? 0) > right ||
        (boxes[at + 2] ?? 0) < left ||
        (boxes[at + 1] ?? 0) > bottom ||
        (boxes[at + 3] ?? 0) < top
      )
        continue;
      if (!this.crosses(scene, edge)) continue;
      const kind = (scene.edgeStyles[edge] ?? 0) + (scene.graph.orders[edge] ? EDGE_STYLES : 0);
      let list = this.visible[kind] ?? new Int32Array(0);
      const filled = this.counts[kind] ?? 0;
      if (filled === list.length) {
        const wider = new Int32Array(Math.max(256, 2 * filled));
        wider.set(list);
        list = wider;
        this.visible[kind] = list;
      }
      list[filled] = edge;
      this.counts[kind] = filled + 1;
    }
    const moving = (this.counts[EdgeStyle.live] ?? 0) + (this.counts[EDGE_STYLES + EdgeStyle.live] ?? 0);
    this.moving = moving > 0 && view.zoom >= ZOOM_CARDS;
    const colours = [theme.lineStrong, theme.lineStrong, theme.done, theme.bad, theme.live, theme.accent];
    const far = view.zoom < ZOOM_NAMES;
    const pen = this.pen;
    const { x, y, zoom } = view;
    pen.lineWidth = far ? 1 : Math.max(1, 2 * zoom);
    pen.lineJoin = "round";
    const share = EDGES_MAX / 2;
    for (let place = 0; place < 2 * EDGE_STYLES; place += 1) {
      const count = this.counts[place] ?? 0;
      if (!count) continue;
      const kind = place % EDGE_STYLES;
      const list = this.visible[place] ?? new Int32Array(0);
      const most = kind === EdgeStyle.live || kind === EdgeStyle.bad || kind === EdgeStyle.chosen ? EDGES_MAX : share;
      // Powers of two, so that zooming in only adds edges.
      const every = count <= most ? 1 : 2 ** Math.ceil(Math.log2(count / most));
      pen.strokeStyle = colours[kind] ?? theme.lineStrong;
      pen.globalAlpha = every > 1 ? 0.6 : 1;
      const wanted = (edge: number): boolean =>
        every === 1 || ((Math.imul(edge, 0x9e3779b1) >>> 8) & (every - 1)) === 0;
      if (far || count > DASHED_MAX) {
        pen.fillStyle = pen.strokeStyle;
        this.paintManyEdges(scene, list, count, wanted, x, y, zoom, far, ratio);
        continue;
      }
      const unit = Math.max(0.6, zoom);
      if (kind === EdgeStyle.blocked || kind === EdgeStyle.bad) pen.setLineDash([2 * unit, 5 * unit]);
      else if (kind === EdgeStyle.live) pen.setLineDash([6 * unit, 5 * unit]);
      else pen.setLineDash(place < EDGE_STYLES ? [] : [7 * unit, 4 * unit]);
      pen.lineDashOffset = kind === EdgeStyle.live ? -dash : 0;
      for (let index = 0; index < count; index += PATH_EDGES) {
        pen.beginPath();
        const last = Math.min(count, index + PATH_EDGES);
        for (let place = index; place < last; place += 1)
          if (wanted(list[place] ?? 0)) this.addToPath(scene, list[place] ?? 0, x, y, zoom, false);
        pen.stroke();
      }
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    if (far) for (const node of [...chosen].slice(0, CHOSEN_MAX)) this.paintChosenEdges(scene, view, theme, node);
  }

  /** Highlights the edges of a selected node when zoomed out. */
  private paintChosenEdges(scene: Picture, view: Viewport, theme: Theme, node: number): void {
    const pen = this.pen;
    pen.strokeStyle = theme.accent;
    pen.lineWidth = 1.5;
    pen.beginPath();
    let left = 400;
    for (const { start, edges } of [scene.graph.into, scene.graph.outOf]) {
      for (let place = start[node] ?? 0; place < (start[node + 1] ?? 0) && left > 0; place += 1, left -= 1)
        this.addToPath(scene, edges[place] ?? 0, view.x, view.y, view.zoom, true);
    }
    pen.stroke();
  }

  private readonly transformedPen = {
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

  private addToPath(scene: Picture, edge: number, x: number, y: number, zoom: number, far: boolean): void {
    const { start, end: ends, points } = scene.paths;
    const from = start[edge] ?? 0;
    const end = ends[edge] ?? 0;
    const pen = this.pen;
    if (far) {
      pen.moveTo(
        Math.round((points[from] ?? 0) * zoom + x) + 0.5,
        Math.round((points[from + 1] ?? 0) * zoom + y) + 0.5,
      );
      for (let at = from + 2; at < end; at += 2)
        pen.lineTo(Math.round((points[at] ?? 0) * zoom + x) + 0.5, Math.round((points[at + 1] ?? 0) * zoom + y) + 0.5);
      return;
    }
    const box = 4 * edge;
    const { left, top, right, bottom } = this.clip;
    const { boxes } = scene.paths;
    if (
      (boxes[box] ?? 0) < left - CLIP_DISTANCE ||
      (boxes[box + 1] ?? 0) < top - CLIP_DISTANCE ||
      (boxes[box + 2] ?? 0) > right + CLIP_DISTANCE ||
      (boxes[box + 3] ?? 0) > bottom + CLIP_DISTANCE
    ) {
      this.clippedPath(points, from, end, x, y, zoom);
      return;
    }
    const bevel = this.transformedPen;
    bevel.pen = pen;
    bevel.x = x;
    bevel.y = y;
    bevel.zoom = zoom;
    drawBevelled(points, from, end - from, bevel);
  }

  /** Paints many edges: segments as filled rectangles, which cost a tenth of a path of thousands of lines. */
  private paintManyEdges(
    scene: Picture,
    list: Int32Array,
    count: number,
    wanted: (edge: number) => boolean,
    x: number,
    y: number,
    zoom: number,
    far: boolean,
    ratio: number,
  ): void {
    const pen = this.pen;
    const { start, end: ends, points } = scene.paths;
    const { left, top, right, bottom } = this.clip;
    const thick = far ? 1 : Math.max(1, Math.round(2 * zoom * ratio)) / ratio;
    const snapped = (at: number): number => Math.round((at - thick / 2) * ratio) / ratio;
    const cutMost = far ? 0 : BEVEL;
    let corners = 0;
    pen.setLineDash([]);
    pen.beginPath();
    for (let index = 0; index < count; index += 1) {
      const edge = list[index] ?? 0;
      if (!wanted(edge)) continue;
      const from = start[edge] ?? 0;
      const last = (ends[edge] ?? 0) - 2;
      for (let at = from; at < last; at += 2) {
        const ax = points[at] ?? 0;
        const ay = points[at + 1] ?? 0;
        const bx = points[at + 2] ?? 0;
        const by = points[at + 3] ?? 0;
        const level = ay === by;
        const cut = Math.min(cutMost, Math.abs(level ? bx - ax : by - ay) / 2);
        const first = at > from ? cut : 0;
        const end = at + 2 < last ? cut : 0;
        if (level) {
          if (ay >= top && ay <= bottom) {
            const x1 = Math.max(left, Math.min(ax, bx) + (ax < bx ? first : end));
            const x2 = Math.min(right, Math.max(ax, bx) - (ax < bx ? end : first));
            if (x2 > x1) pen.fillRect(x1 * zoom + x, snapped(ay * zoom + y), (x2 - x1) * zoom, thick);
          }
        } else if (ax >= left && ax <= right) {
          const y1 = Math.max(top, Math.min(ay, by) + (ay < by ? first : end));
          const y2 = Math.min(bottom, Math.max(ay, by) - (ay < by ? end : first));
          if (y2 > y1) pen.fillRect(snapped(ax * zoom + x), y1 * zoom + y, thick, (y2 - y1) * zoom);
        }
        if (!end || bx < left || bx > right || by < top || by > bottom) continue;
        const nx = (points[at + 4] ?? 0) - bx;
        const ny = (points[at + 5] ?? 0) - by;
        const next = Math.min(BEVEL, (Math.abs(nx) + Math.abs(ny)) / 2);
        pen.moveTo((bx - Math.sign(bx - ax) * end) * zoom + x, (by - Math.sign(by - ay) * end) * zoom + y);
        pen.lineTo((bx + Math.sign(nx) * next) * zoom + x, (by + Math.sign(ny) * next) * zoom + y);
        corners += 1;
        if (corners % PATH_EDGES === 0) {
          pen.stroke();
          pen.beginPath();
        }
      }
    }
    pen.stroke();
  }

  private clip = { left: 0, top: 0, right: 0, bottom: 0 };

  /** Returns whether a segment of the edge is in view; in a large graph most boxes around whole edges are. */
  private crosses(scene: Picture, edge: number): boolean {
    const { start, end: ends, points } = scene.paths;
    const { left, top, right, bottom } = this.clip;
    const end = (ends[edge] ?? 0) - 2;
    for (let at = start[edge] ?? 0; at < end; at += 2) {
      const ax = points[at] ?? 0;
      const ay = points[at + 1] ?? 0;
      const bx = points[at + 2] ?? 0;
      const by = points[at + 3] ?? 0;
      if (
        (ax < bx ? ax : bx) <= right &&
        (ax > bx ? ax : bx) >= left &&
        (ay < by ? ay : by) <= bottom &&
        (ay > by ? ay : by) >= top
      )
        return true;
    }
    return false;
  }

  /** Adds the visible parts of an edge to the path, with corners as `drawBevelled` draws them. */
  private clippedPath(points: Float64Array, from: number, end: number, x: number, y: number, zoom: number): void {
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
      const cut = Math.min(BEVEL, half);
      if (at > from) {
        ax += dx * cut;
        ay += dy * cut;
      }
      if (at + 2 < last) {
        bx -= dx * cut;
        by -= dy * cut;
      }
      const seen =
        Math.min(ax, bx) <= right && Math.max(ax, bx) >= left && Math.min(ay, by) <= bottom && Math.max(ay, by) >= top;
      if (seen) {
        pen.moveTo(Math.max(left, Math.min(right, ax)) * zoom + x, Math.max(top, Math.min(bottom, ay)) * zoom + y);
        pen.lineTo(Math.max(left, Math.min(right, bx)) * zoom + x, Math.max(top, Math.min(bottom, by)) * zoom + y);
      }
      if (at + 2 < last && bx <= right + BEVEL && bx >= left - BEVEL && by <= bottom + BEVEL && by >= top - BEVEL) {
        const cx = points[at + 2] ?? 0;
        const cy = points[at + 3] ?? 0;
        const nx = (points[at + 4] ?? 0) - cx;
        const ny = (points[at + 5] ?? 0) - cy;
        const next = Math.min(BEVEL, (Math.abs(nx) + Math.abs(ny)) / 2);
        pen.moveTo(bx * zoom + x, by * zoom + y);
        pen.lineTo((cx + Math.sign(nx) * next) * zoom + x, (cy + Math.sign(ny) * next) * zoom + y);
      }
    }
  }
}
