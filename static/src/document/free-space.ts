/** Finds free space for one more node. Pure. */

import { NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../graph/model";

/** A card and its gap together are a multiple of the grid. */
const GAP_X = 52;
const GAP_Y = 46;
const RINGS = 24;

/** Returns the free position nearest to a card centred at `middle`. `taken`: upper left corners of the other cards. */
export function freePlaceNear(middle: Position, taken: readonly Position[]): Position {
  const from = { x: onGrid(middle.x - NODE_WIDTH / 2), y: onGrid(middle.y - NODE_HEIGHT / 2) };
  const wide = NODE_WIDTH + GAP_X;
  const high = NODE_HEIGHT + GAP_Y;
  const reach = { x: (RINGS + 1) * wide, y: (RINGS + 1) * high };
  // Cards further away cannot be in the way.
  const near = taken.filter((at) => Math.abs(at.x - from.x) < reach.x && Math.abs(at.y - from.y) < reach.y);
  const free = (x: number, y: number): boolean =>
    near.every((at) => Math.abs(at.x - x) >= wide || Math.abs(at.y - y) >= high);
  let best: Position | null = null;
  let least = Infinity;
  for (let ring = 0; ring <= RINGS; ring += 1) {
    // Places on this ring and beyond are at least so far away.
    if (best && (ring * high) ** 2 > least) break;
    for (let across = -ring; across <= ring; across += 1) {
      for (let down = -ring; down <= ring; down += 1) {
        if (Math.max(Math.abs(across), Math.abs(down)) !== ring) continue;
        const x = from.x + across * wide;
        const y = from.y + down * high;
        const distance = (x - from.x) ** 2 + (y - from.y) ** 2;
        if (distance < least && free(x, y)) {
          best = { x, y };
          least = distance;
        }
      }
    }
  }
  return best ?? from;
}
