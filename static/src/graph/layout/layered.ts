/** A simple layered layout for graphs that are too large for ELK. Pure, deterministic, about linear in nodes and edges.
 *
 * Layers by longest path; order within a layer by barycentres in alternating sweeps (Sugiyama, Tagawa, Toda 1981); vertical
 * positions by least squares in that order (pool adjacent violators). A layer of very many nodes is wrapped into columns: a
 * fan-out of 10,000 becomes a readable block instead of a line of 700,000 pixels. Every edge leads to the right.
 */

import { NODE_HEIGHT, NODE_WIDTH } from "../model";

export interface LayoutInput {
  readonly size: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
}

/** x, y of each node's upper left corner. */
export type Positions = Float64Array<ArrayBuffer>;

export const COLUMN_GAP = 78;
export const ROW_GAP = 34;
/** Gap between the columns of a wrapped layer, wide enough for the edges into each column. */
const WRAP_GAP = 62;
const WRAP_ROW_GAP = 18;
/** Layers of up to so many rows are never wrapped. */
const WRAP_ROWS_MIN = 14;
/** The ratio of width to height that wrapping aims at. */
const ASPECT = 2.1;
const SWEEPS = 6;

/** Returns whether a layer is so tall that it should be wrapped. */
export function isTall(input: LayoutInput): boolean {
  const lengths = new Map<number, number>();
  for (const layer of layersOf(input)) lengths.set(layer, (lengths.get(layer) ?? 0) + 1);
  return Math.max(0, ...lengths.values()) > 2 * WRAP_ROWS_MIN;
}

/** Returns the layer of each node: the length of the longest path to it. Nodes on cycles keep a lower bound. */
export function layersOf({ size, sources, targets }: LayoutInput): Int32Array {
  const { start, ends } = neighbours(size, sources, targets);
  const missing = new Int32Array(size);
  for (const target of targets) missing[target] = (missing[target] ?? 0) + 1;
  const layer = new Int32Array(size);
  const queue = new Int32Array(size);
  let filled = 0;
  for (let node = 0; node < size; node += 1) if (!missing[node]) queue[filled++] = node;
  for (let at = 0; at < filled; at += 1) {
    const node = queue[at] ?? 0;
    const next = (layer[node] ?? 0) + 1;
    for (let place = start[node] ?? 0; place < (start[node + 1] ?? 0); place += 1) {
      const target = ends[place] ?? 0;
      if ((layer[target] ?? 0) < next) layer[target] = next;
      const left = (missing[target] ?? 0) - 1;
      missing[target] = left;
      if (!left) queue[filled++] = target;
    }
  }
  return layer;
}

function neighbours(size: number, from: Int32Array, to: Int32Array): { start: Int32Array; ends: Int32Array } {
  const start = new Int32Array(size + 1);
  for (const node of from) start[node + 1] = (start[node + 1] ?? 0) + 1;
  for (let at = 0; at < size; at += 1) start[at + 1] = (start[at + 1] ?? 0) + (start[at] ?? 0);
  const next = start.slice();
  const ends = new Int32Array(from.length);
  for (let edge = 0; edge < from.length; edge += 1) {
    const node = from[edge] ?? 0;
    const place = next[node] ?? 0;
    ends[place] = to[edge] ?? 0;
    next[node] = place + 1;
  }
  return { start, ends };
}

export function layeredLayout(input: LayoutInput): Positions {
  const { size, sources, targets } = input;
  const out = new Float64Array(2 * size);
  if (!size) return out;
  const layer = layersOf(input);
  pullSources(input, layer);
  const rows: number[][] = [];
  for (let node = 0; node < size; node += 1) {
    const at = layer[node] ?? 0;
    while (rows.length <= at) rows.push([]);
    rows[at]?.push(node);
  }
  const up = neighbours(size, targets, sources);
  const down = neighbours(size, sources, targets);
  orderLayers(rows, size, up, down);
  placeLayers(rows, size, up, down, out);
  return out;
}

type Neighbours = ReturnType<typeof neighbours>;

/** Moves nodes without upstream right before the first node that needs them. */
function pullSources({ size, sources, targets }: LayoutInput, layer: Int32Array): void {
  const nearest = new Int32Array(size).fill(-1);
  const hasUpstream = new Uint8Array(size);
  for (const target of targets) hasUpstream[target] = 1;
  for (let edge = 0; edge < sources.length; edge += 1) {
    const source = sources[edge] ?? 0;
    if (hasUpstream[source]) continue;
    const at = layer[targets[edge] ?? 0] ?? 0;
    const known = nearest[source] ?? -1;
    if (known < 0 || at < known) nearest[source] = at;
  }
  for (let node = 0; node < size; node += 1) {
    const at = nearest[node] ?? -1;
    if (at > 1) layer[node] = at - 1;
  }
}

/** Orders each layer by the barycentres of its neighbours, sweeping right and back. Ties keep their order. */
function orderLayers(rows: number[][], size: number, up: Neighbours, down: Neighbours): void {
  const at = new Float64Array(size);
  const number = (row: readonly number[]): void => {
    const middle = (row.length - 1) / 2;
    row.forEach((node, index) => (at[node] = index - middle));
  };
  for (const row of rows) number(row);
  const key = new Float64Array(size);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    const side = forward ? up : down;
    for (let step = 1; step < rows.length; step += 1) {
      const row = rows[forward ? step : rows.length - 1 - step] ?? [];
      if (row.length < 2) continue;
      for (const node of row) key[node] = barycentre(side, node, at);
      row.sort((a, b) => (key[a] ?? 0) - (key[b] ?? 0) || (at[a] ?? 0) - (at[b] ?? 0));
      number(row);
    }
  }
}

function barycentre({ start, ends }: Neighbours, node: number, at: Float64Array): number {
  const first = start[node] ?? 0;
  const last = start[node + 1] ?? 0;
  if (first === last) return at[node] ?? 0;
  let sum = 0;
  for (let place = first; place < last; place += 1) sum += at[ends[place] ?? 0] ?? 0;
  return sum / (last - first);
}

/** Returns the number of rows per column with which the whole is about ASPECT times as wide as high. */
function rowsOfColumn(lengths: readonly number[]): number {
  const longest = Math.max(...lengths, 1);
  if (longest <= WRAP_ROWS_MIN) return longest;
  let rows = WRAP_ROWS_MIN;
  for (; rows < longest; rows = Math.ceil(rows * 1.15)) {
    let columns = 0;
    for (const length of lengths) columns += Math.ceil(length / rows);
    const width = columns * (NODE_WIDTH + WRAP_GAP);
    if (width <= ASPECT * rows * (NODE_HEIGHT + WRAP_ROW_GAP)) break;
  }
  return Math.min(rows, longest);
}

function placeLayers(rows: readonly number[][], size: number, up: Neighbours, down: Neighbours, out: Positions): void {
  const high = rowsOfColumn(rows.map((row) => row.length));
  const tight = rows.some((row) => row.length > 3 * WRAP_ROWS_MIN);
  const pitch = NODE_HEIGHT + (tight ? WRAP_ROW_GAP : ROW_GAP);
  let x = 0;
  const wrapped: boolean[] = [];
  const y = new Float64Array(size);
  for (const row of rows) {
    const columns = Math.ceil(row.length / high);
    wrapped.push(columns > 1);
    const filled = Math.ceil(row.length / columns);
    row.forEach((node, index) => {
      const column = Math.floor(index / filled);
      const inColumn = Math.min(filled, row.length - column * filled);
      out[2 * node] = x + column * (NODE_WIDTH + WRAP_GAP);
      y[node] = ((index % filled) - (columns > 1 ? filled - 1 : inColumn - 1) / 2) * pitch;
    });
    x += (columns - 1) * (NODE_WIDTH + WRAP_GAP) + NODE_WIDTH + COLUMN_GAP;
  }
  // Wrapped layers stay; layers of one column are aligned with their neighbours, in the same order.
  for (const side of [up, down, up]) {
    const forward = side === up;
    for (let step = 0; step < rows.length; step += 1) {
      const which = forward ? step : rows.length - 1 - step;
      const row = rows[which] ?? [];
      if (wrapped[which]) continue;
      alignLayer(row, side, y, pitch);
    }
  }
  let top = Infinity;
  for (const value of y) top = Math.min(top, value);
  for (let node = 0; node < size; node += 1) out[2 * node + 1] = Math.round((y[node] ?? 0) - top);
}

/** Moves the nodes of a layer as near to their barycentres as their order and the distance `pitch` allow. */
function alignLayer(row: readonly number[], side: Neighbours, y: Float64Array, pitch: number): void {
  // Without the pitch, keeping the order means "not decreasing": colliding positions are pooled and averaged.
  const sums: number[] = [];
  const counts: number[] = [];
  row.forEach((node, index) => {
    let sum = barycentre(side, node, y) - index * pitch;
    let count = 1;
    while (sums.length) {
      const lastSum = sums[sums.length - 1] ?? 0;
      const lastCount = counts[counts.length - 1] ?? 1;
      if (lastSum / lastCount <= sum / count) break;
      sums.pop();
      counts.pop();
      sum += lastSum;
      count += lastCount;
    }
    sums.push(sum);
    counts.push(count);
  });
  let index = 0;
  sums.forEach((sum, pool) => {
    const count = counts[pool] ?? 1;
    for (let inPool = 0; inPool < count; inPool += 1, index += 1) {
      const node = row[index];
      if (node !== undefined) y[node] = sum / count + index * pitch;
    }
  });
}
