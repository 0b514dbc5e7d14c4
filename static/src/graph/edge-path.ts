/** Paths of edges: horizontal and vertical segments, joined by bevels at 45 degrees. Pure.
 *
 * A path is a list of x, y of its corners; `drawBevelled` cuts the corners. All edges into a node turn at the same distance
 * before it, so that they join into one line.
 */

import { NODE_HEIGHT, NODE_WIDTH } from "./model";

/** Distance of the vertical segment before the target. */
export const JOIN_DISTANCE = 39;
/** Length that a bevel cuts off. */
export const BEVEL = 14;
const BACK_DISTANCE = 24;

/** Writes the corners of an edge into `out` and returns the number of values: 4 (straight), 8, or 12 (an edge that leads
 * back). (ax, ay), (bx, by): upper left corners of source and target. `port`: start of the edge below the source's corner. */
export function edgePath(
  ax: number,
  ay: number,
  bx: number,
  by: number,
  out: Float64Array,
  port = NODE_HEIGHT / 2,
): number {
  const x1 = ax + NODE_WIDTH;
  const y1 = ay + port;
  const x2 = bx;
  const y2 = by + NODE_HEIGHT / 2;
  const gap = x2 - x1;
  if (y1 === y2 && gap > 0) {
    out[0] = x1;
    out[1] = y1;
    out[2] = x2;
    out[3] = y2;
    return 4;
  }
  if (gap >= 24) {
    const m = gap >= JOIN_DISTANCE + 20 ? x2 - JOIN_DISTANCE : (x1 + x2) / 2;
    out[0] = x1;
    out[1] = y1;
    out[2] = m;
    out[3] = y1;
    out[4] = m;
    out[5] = y2;
    out[6] = x2;
    out[7] = y2;
    return 8;
  }
  // To the left: out, between the two rows, and in from the left.
  const between = Math.abs(y2 - y1) > NODE_HEIGHT + 16 ? (y1 + y2) / 2 : Math.max(y1, y2) + NODE_HEIGHT / 2 + 17;
  out[0] = x1;
  out[1] = y1;
  out[2] = x1 + BACK_DISTANCE;
  out[3] = y1;
  out[4] = x1 + BACK_DISTANCE;
  out[5] = between;
  out[6] = x2 - BACK_DISTANCE;
  out[7] = between;
  out[8] = x2 - BACK_DISTANCE;
  out[9] = y2;
  out[10] = x2;
  out[11] = y2;
  return 12;
}

interface PathPen {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
}

/** Draws a path with bevelled corners. */
export function drawBevelled(points: Float64Array, from: number, length: number, pen: PathPen): void {
  pen.moveTo(points[from] ?? 0, points[from + 1] ?? 0);
  const last = from + length - 2;
  for (let at = from + 2; at < last; at += 2) {
    const x = points[at] ?? 0;
    const y = points[at + 1] ?? 0;
    const inX = x - (points[at - 2] ?? 0);
    const inY = y - (points[at - 1] ?? 0);
    const outX = (points[at + 2] ?? 0) - x;
    const outY = (points[at + 3] ?? 0) - y;
    const before = Math.abs(inX) + Math.abs(inY);
    const after = Math.abs(outX) + Math.abs(outY);
    // Two corners share the segment between them.
    const cut = Math.min(BEVEL, at === from + 2 ? before : before / 2, at === last - 2 ? after : after / 2);
    pen.lineTo(x - Math.sign(inX) * cut, y - Math.sign(inY) * cut);
    pen.lineTo(x + Math.sign(outX) * cut, y + Math.sign(outY) * cut);
  }
  pen.lineTo(points[last] ?? 0, points[last + 1] ?? 0);
}

/** The paths of all edges in one array: edge e has `points[start[e]]` up to `points[end[e] - 1]`. */
export interface EdgePaths {
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly points: Float64Array;
  /** Left, top, right and bottom of each edge. */
  readonly boxes: Float64Array;
}

/** Writes the corners of the edge between two nodes (by number); returns the number of values. */
type Router = (source: number, target: number, out: Float64Array) => number;

/** Computes the paths of all edges. `routed`: corners that the layout computed for some edges. */
export function edgePathsOf(
  sources: Int32Array,
  targets: Int32Array,
  at: Float64Array,
  routed: ReadonlyMap<number, readonly number[]> = new Map(),
  router: Router | null = null,
): EdgePaths {
  const edges = sources.length;
  const start = new Int32Array(edges);
  const ends = new Int32Array(edges);
  let points = new Float64Array(8 * edges + 64);
  const buffer = new Float64Array(12);
  const boxes = new Float64Array(4 * edges);
  let filled = 0;
  for (let edge = 0; edge < edges; edge += 1) {
    const layoutPath = routed.get(edge);
    const source = sources[edge] ?? 0;
    const target = targets[edge] ?? 0;
    const length = layoutPath
      ? layoutPath.length
      : router
        ? router(source, target, buffer)
        : edgePath(at[2 * source] ?? 0, at[2 * source + 1] ?? 0, at[2 * target] ?? 0, at[2 * target + 1] ?? 0, buffer);
    const from: ArrayLike<number> = layoutPath ?? buffer;
    if (filled + length > points.length) {
      const wider = new Float64Array(2 * points.length + length);
      wider.set(points);
      points = wider;
    }
    storePath(from, length, edge, { points, boxes }, filled);
    start[edge] = filled;
    filled += length;
    ends[edge] = filled;
  }
  return { start, end: ends, points, boxes };
}

/** Copies the first `length` values of `path` to `place` in the points, and stores the box around them. */
function storePath(
  path: ArrayLike<number>,
  length: number,
  edge: number,
  { points, boxes }: Pick<EdgePaths, "points" | "boxes">,
  place: number,
): void {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let at = 0; at < length; at += 2) {
    const x = path[at] ?? 0;
    const y = path[at + 1] ?? 0;
    points[place + at] = x;
    points[place + at + 1] = y;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  boxes[4 * edge] = left;
  boxes[4 * edge + 1] = top;
  boxes[4 * edge + 2] = right;
  boxes[4 * edge + 3] = bottom;
}

/** The maximum number of values of a path. */
const PATH_VALUES_MAX = 12;

/** Paths that can be changed one by one: each has space for the longest one. */
export class MutableEdgePaths implements EdgePaths {
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly points: Float64Array;
  readonly boxes: Float64Array;
  /** Corners before `put` stores them. */
  readonly buffer = new Float64Array(PATH_VALUES_MAX);

  constructor(edges: number) {
    this.start = Int32Array.from({ length: edges }, (_, edge) => PATH_VALUES_MAX * edge);
    this.end = this.start.slice();
    this.points = new Float64Array(PATH_VALUES_MAX * edges);
    this.boxes = new Float64Array(4 * edges);
  }

  /** Computes and stores the path of an edge; parameters as of `edgePath`. */
  set(edge: number, ax: number, ay: number, bx: number, by: number, port: number): void {
    this.put(edge, edgePath(ax, ay, bx, by, this.buffer, port));
  }

  /** Stores the first `length` values of `buffer` as the path of an edge. */
  put(edge: number, length: number): void {
    const from = PATH_VALUES_MAX * edge;
    storePath(this.buffer, length, edge, this, from);
    this.end[edge] = from + length;
  }
}

/** Distance from a point to the path of an edge. */
export function distanceToPath(ways: EdgePaths, edge: number, x: number, y: number): number {
  let least = Infinity;
  const end = (ways.end[edge] ?? 0) - 2;
  for (let at = ways.start[edge] ?? 0; at < end; at += 2) {
    const ax = ways.points[at] ?? 0;
    const ay = ways.points[at + 1] ?? 0;
    const bx = ways.points[at + 2] ?? 0;
    const by = ways.points[at + 3] ?? 0;
    const dx = bx - ax;
    const dy = by - ay;
    const share = dx || dy ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy))) : 0;
    least = Math.min(least, Math.hypot(ax + share * dx - x, ay + share * dy - y));
  }
  return least;
}
