/** Where there is room for one more node. Pure. */

import { NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../graph/model";

/** With them a card and its gap are whole steps of the grid. */
const GAP_X = 52;
const GAP_Y = 46;
const RINGS = 24;

/** The free place nearest to where a card would stand with its middle at `middle`; `taken`: upper left corners. */
export function roomNear(middle: Position, taken: readonly Position[]): Position {
  const from = { x: onGrid(middle.x - NODE_WIDTH / 2), y: onGrid(middle.y - NODE_HEIGHT / 2) };
  const wide = NODE_WIDTH + GAP_X;
  const high = NODE_HEIGHT + GAP_Y;
  const reach = { x: (RINGS + 1) * wide, y: (RINGS + 1) * high };
  // Only what is near can be in the way.
  const near = taken.filter((at) => Math.abs(at.x - from.x) < reach.x && Math.abs(at.y - from.y) < reach.y);
  const free = (x: number, y: number): boolean =>
    near.every((at) => Math.abs(at.x - x) >= wide || Math.abs(at.y - y) >= high);
  let best: Position | null = null;
  let least = Infinity;
  for (let ring = 0; ring <= RINGS; ring += 1) {
    // A ring further out is no nearer than its own height.
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
