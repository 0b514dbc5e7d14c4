/** Where what is dragged comes to rest: level with its neighbours where they are near, else on the grid. Pure. */

import { NODE_HEIGHT, NODE_WIDTH, onGrid } from "../../graph/model";

export interface Guide {
  /** "x": a vertical line at `at`, from `from` to `to`. */
  readonly axis: "x" | "y";
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

export interface Snapped {
  readonly x: number;
  readonly y: number;
  readonly guides: readonly Guide[];
}

/** Upper left corner of a node nearby. */
export interface Neighbour {
  readonly x: number;
  readonly y: number;
  /** An edge joins them: that it becomes straight is worth more than any other level. */
  readonly joined: boolean;
}

/** `reach`: how near a level must be, in the graph's units. */
export function snap(x: number, y: number, neighbours: readonly Neighbour[], reach: number): Snapped {
  const toX = level(neighbours, x, reach, "x");
  const toY = level(neighbours, y, reach, "y");
  const at = { x: toX ?? onGrid(x), y: toY ?? onGrid(y) };
  const guides: Guide[] = [];
  if (toX !== null) guides.push(guide("x", at, neighbours));
  if (toY !== null) guides.push(guide("y", at, neighbours));
  return { ...at, guides };
}

function level(neighbours: readonly Neighbour[], value: number, reach: number, axis: "x" | "y"): number | null {
  let best: number | null = null;
  let least = Infinity;
  for (const neighbour of neighbours) {
    const away = Math.abs(neighbour[axis] - value);
    // A joined one wins over all that are not.
    const joined = axis === "y" && neighbour.joined;
    const limit = joined ? 1.5 * reach : reach;
    const weight = joined ? away - 2 * reach : away;
    if (away <= limit && weight < least) {
      least = weight;
      best = neighbour[axis];
    }
  }
  return best;
}

/** From the first to the last of those that stand level, through their middles. */
function guide(axis: "x" | "y", at: { x: number; y: number }, neighbours: readonly Neighbour[]): Guide {
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
