/** The way of an edge around the nodes that stand between its ends: behind a card it would look like another edge. Pure.
 *
 * Only for graphs that one can read: of thousands of edges the plain ways are quicker, and no way is clear.
 */

import type { Places } from "./grid";
import { NODE_HEIGHT, NODE_WIDTH } from "./model";
import { JOIN, way } from "./track";

/** Of more edges than these none is led around anything. */
export const ROUTED_MAX = 3000;
/** How far behind its source an edge turns that does not go straight on. */
export const EARLY = 24;
/** How far from a row of cards the track beside it runs. */
const BESIDE = NODE_HEIGHT / 2 + 17;
/** Room between a track and a card. */
const CLEAR = 5;

/** Writes the corners as `way` does; upper left corners of the nodes are in `at`. */
export function clearWay(
  grid: Places,
  at: Float64Array,
  source: number,
  target: number,
  port: number,
  out: Float64Array,
): number {
  const ax = at[2 * source] ?? 0;
  const ay = at[2 * source + 1] ?? 0;
  const bx = at[2 * target] ?? 0;
  const by = at[2 * target + 1] ?? 0;
  const length = way(ax, ay, bx, by, out, port);
  const x1 = ax + NODE_WIDTH;
  if (!mayBend(x1, bx) || isClear(grid, source, target, out, length)) return length;
  const y1 = ay + port;
  const y2 = by + NODE_HEIGHT / 2;
  const put = (...values: number[]): number => {
    out.set(values);
    return values.length;
  };
  const early = x1 + EARLY;
  const late = bx - JOIN;
  if (y1 !== y2 && isClear(grid, source, target, out, put(x1, y1, early, y1, early, y2, bx, y2))) return 8;
  const from = ay + NODE_HEIGHT / 2;
  for (const lane of [from + BESIDE, from - BESIDE, y2 + BESIDE, y2 - BESIDE]) {
    if (isClear(grid, source, target, out, put(x1, y1, early, y1, early, lane, late, lane, late, y2, bx, y2)))
      return 12;
  }
  return way(ax, ay, bx, by, out, port);
}

/** Whether there is room for a node between the ends. */
const mayBend = (x1: number, x2: number): boolean => x2 - x1 > NODE_WIDTH;

function isClear(grid: Places, source: number, target: number, points: Float64Array, length: number): boolean {
  let clear = true;
  const found = (node: number): void => {
    if (node !== source && node !== target) clear = false;
  };
  for (let place = 0; place + 2 < length && clear; place += 2) {
    const ax = points[place] ?? 0;
    const ay = points[place + 1] ?? 0;
    const bx = points[place + 2] ?? 0;
    const by = points[place + 3] ?? 0;
    grid.within(
      {
        left: Math.min(ax, bx) - CLEAR,
        top: Math.min(ay, by) - CLEAR,
        right: Math.max(ax, bx) + CLEAR,
        bottom: Math.max(ay, by) + CLEAR,
      },
      found,
    );
  }
  return clear;
}

/** Where nodes must stand to have a say in the way between two corners; null: none has. */
export function sayOver(
  at: Float64Array,
  source: number,
  target: number,
): { left: number; top: number; right: number; bottom: number } | null {
  const x1 = (at[2 * source] ?? 0) + NODE_WIDTH;
  const x2 = at[2 * target] ?? 0;
  if (!mayBend(x1, x2)) return null;
  const ay = at[2 * source + 1] ?? 0;
  const by = at[2 * target + 1] ?? 0;
  return {
    left: x1 - CLEAR,
    top: Math.min(ay, by) + NODE_HEIGHT / 2 - BESIDE - CLEAR,
    right: x2 + CLEAR,
    bottom: Math.max(ay, by) + NODE_HEIGHT / 2 + BESIDE + CLEAR,
  };
}
