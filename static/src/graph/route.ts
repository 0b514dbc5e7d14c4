/** Routes an edge around nodes between its ends: behind a card it would look like another edge. Pure.
 *
 * Only used for graphs of readable size: with thousands of edges no path is free, and plain paths are quicker.
 */

import type { SpatialIndex } from "./grid";
import { NODE_HEIGHT, NODE_WIDTH } from "./model";
import { JOIN_DISTANCE, edgePath } from "./edge-path";

/** With more edges than these, none is routed around nodes. */
export const ROUTED_MAX = 3000;
/** How far behind its source a routed edge turns. */
export const EARLY_TURN = 24;
/** Distance between the middle of a row of cards and the lane beside it. */
const LANE_DISTANCE = NODE_HEIGHT / 2 + 17;
/** Space between an edge and a card. */
const CLEARANCE = 5;

/** Writes the corners of an edge as `edgePath` does. `at`: upper left corners of the nodes. */
export function pathAroundNodes(
  grid: SpatialIndex,
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
  const length = edgePath(ax, ay, bx, by, out, port);
  const x1 = ax + NODE_WIDTH;
  if (!mayBend(x1, bx) || isClear(grid, source, target, out, length)) return length;
  const y1 = ay + port;
  const y2 = by + NODE_HEIGHT / 2;
  const put = (...values: number[]): number => {
    out.set(values);
    return values.length;
  };
  const early = x1 + EARLY_TURN;
  const late = bx - JOIN_DISTANCE;
  if (y1 !== y2 && isClear(grid, source, target, out, put(x1, y1, early, y1, early, y2, bx, y2))) return 8;
  const from = ay + NODE_HEIGHT / 2;
  for (const lane of [from + LANE_DISTANCE, from - LANE_DISTANCE, y2 + LANE_DISTANCE, y2 - LANE_DISTANCE]) {
    if (isClear(grid, source, target, out, put(x1, y1, early, y1, early, lane, late, lane, late, y2, bx, y2)))
      return 12;
  }
  return edgePath(ax, ay, bx, by, out, port);
}

/** Returns whether a node fits between the ends. */
const mayBend = (x1: number, x2: number): boolean => x2 - x1 > NODE_WIDTH;

function isClear(grid: SpatialIndex, source: number, target: number, points: Float64Array, length: number): boolean {
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
        left: Math.min(ax, bx) - CLEARANCE,
        top: Math.min(ay, by) - CLEARANCE,
        right: Math.max(ax, bx) + CLEARANCE,
        bottom: Math.max(ay, by) + CLEARANCE,
      },
      found,
    );
  }
  return clear;
}

/** Returns the box in which nodes influence the path of an edge; null: none does. */
export function influenceBox(
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
    left: x1 - CLEARANCE,
    top: Math.min(ay, by) + NODE_HEIGHT / 2 - LANE_DISTANCE - CLEARANCE,
    right: x2 + CLEARANCE,
    bottom: Math.max(ay, by) + NODE_HEIGHT / 2 + LANE_DISTANCE + CLEARANCE,
  };
}
