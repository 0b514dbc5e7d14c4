/** Snaps dragged nodes to the level of near neighbours, or else to the grid. Pure. */

import { NODE_HEIGHT, NODE_WIDTH, onGrid } from "../../graph/model";

export interface Guide {
  /** "x": a vertical line at x = `at`, from `from` to `to`. */
  readonly axis: "x" | "y";
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

interface SnapResult {
  readonly x: number;
  readonly y: number;
  readonly guides: readonly Guide[];
}

/** Upper left corner of a node nearby. */
export interface Neighbour {
  readonly x: number;
  readonly y: number;
  /** An edge connects them: making it straight is preferred over all other levels. */
  readonly connected: boolean;
}

/** `reach`: maximum distance to a level, in the graph's units. */
export function snap(x: number, y: number, neighbours: readonly Neighbour[], reach: number): SnapResult {
  const toX = nearestLevel(neighbours, x, reach, "x");
  const toY = nearestLevel(neighbours, y, reach, "y");
  const at = { x: toX ?? onGrid(x), y: toY ?? onGrid(y) };
  const guides: Guide[] = [];
  if (toX !== null) guides.push(guideAlong("x", at, neighbours));
  if (toY !== null) guides.push(guideAlong("y", at, neighbours));
  return { ...at, guides };
}

function nearestLevel(neighbours: readonly Neighbour[], value: number, reach: number, axis: "x" | "y"): number | null {
  let best: number | null = null;
  let least = Infinity;
  for (const neighbour of neighbours) {
    const away = Math.abs(neighbour[axis] - value);
    // A connected neighbour is preferred over all others.
    const joined = axis === "y" && neighbour.connected;
    const limit = joined ? 1.5 * reach : reach;
    const weight = joined ? away - 2 * reach : away;
    if (away <= limit && weight < least) {
      least = weight;
      best = neighbour[axis];
    }
  }
  return best;
}

/** A line through the middles of all cards on the level. */
function guideAlong(axis: "x" | "y", at: { x: number; y: number }, neighbours: readonly Neighbour[]): Guide {
  const along = axis === "x" ? "y" : "x";
  const size = axis === "x" ? NODE_HEIGHT : NODE_WIDTH;
  let from = at[along];
  let to = at[along];
  for (const neighbour of neighbours) {
    if (neighbour[axis] !== at[axis]) continue;
    from = Math.min(from, neighbour[along]);
    to = Math.max(to, neighbour[along]);
  }
  return { axis, at: at[axis] + (axis === "x" ? NODE_WIDTH : NODE_HEIGHT) / 2, from, to: to + size };
}
