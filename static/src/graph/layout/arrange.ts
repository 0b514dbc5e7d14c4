/** Positions of nodes: free places, alignment, distribution. Pure. */

import { COLUMN_GAP, type Positions, ROW_GAP } from "./layered";
import { NODE_HEIGHT, NODE_WIDTH, type Position } from "../model";

export const STEP_X = NODE_WIDTH + COLUMN_GAP;
export const STEP_Y = NODE_HEIGHT + ROW_GAP;
const ROOM = 12;

export const roundPosition = ({ x, y }: Position): Position => ({ x: Math.round(x), y: Math.round(y) });

/** Returns the wanted position, or the nearest one straight below it where a card covers no other. */
export function freePlaceBelow(wanted: Position, others: Iterable<Position>): Position {
  const column = [...others]
    .filter(({ x }) => Math.abs(x - wanted.x) < NODE_WIDTH + ROOM)
    .map(({ y }) => y)
    .sort((a, b) => a - b);
  let { y } = wanted;
  for (const other of column) if (Math.abs(other - y) < NODE_HEIGHT + ROOM) y = other + STEP_Y;
  return roundPosition({ x: wanted.x, y });
}

const CELL = NODE_WIDTH + ROOM;
/** Above this many pairs of cards, gaps are not searched. */
const PAIRS_MAX = 1_000_000;
const GAPS_MAX = 50;

/** Returns how far cards must move down together, in multiples of `step`, to cover no others. */
export function distanceToFreeSpace(cards: readonly Position[], others: readonly Position[], step: number): number {
  if (!cards.length || !others.length) return 0;
  const inSteps = (distance: number): number => Math.ceil(distance / step) * step;
  if (cards.length * others.length <= PAIRS_MAX) {
    let down = 0;
    for (let gap = 0; gap < GAPS_MAX; gap += 1) {
      let further = 0;
      for (const { x, y } of cards)
        for (const other of others)
          if (Math.abs(other.x - x) < CELL && Math.abs(other.y - y - down) < NODE_HEIGHT + ROOM)
            further = Math.max(further, other.y + NODE_HEIGHT + ROOM - y - down);
      if (!further) return down;
      down = inSteps(down + further);
    }
  }
  let bottom = -Infinity;
  let top = Infinity;
  for (const { y } of others) bottom = Math.max(bottom, y);
  for (const { y } of cards) top = Math.min(top, y);
  return Math.max(0, inSteps(bottom + STEP_Y - top));
}

/** Fills in missing positions (NaN) from a layout of the whole graph, moved down where a card would be covered. */
export function fillMissing(placed: Positions, whole: Positions): Positions {
  const at = placed.slice();
  /** Nodes by columns as wide as a card: only those in three columns can be in the way. */
  const columns = new Map<number, Position[]>();
  const stand = (place: Position): void => {
    const column = columns.get(Math.floor(place.x / CELL));
    if (column) column.push(place);
    else columns.set(Math.floor(place.x / CELL), [place]);
  };
  const missing: number[] = [];
  for (let node = 0; 2 * node < at.length; node += 1) {
    const [x = NaN, y = NaN] = [at[2 * node], at[2 * node + 1]];
    if (Number.isNaN(x)) missing.push(node);
    else stand({ x, y });
  }
  if (missing.length === at.length / 2) return whole;
  for (const node of missing) {
    const wanted = { x: whole[2 * node] ?? 0, y: whole[2 * node + 1] ?? 0 };
    const column = Math.floor(wanted.x / CELL);
    const place = freePlaceBelow(
      wanted,
      [column - 1, column, column + 1].flatMap((one) => columns.get(one) ?? []),
    );
    at[2 * node] = place.x;
    at[2 * node + 1] = place.y;
    stand(place);
  }
  return at;
}

export type Alignment = "left" | "center" | "right" | "top" | "middle" | "bottom" | "across" | "down";

/** Aligns positions at one side or the middle, or distributes them evenly (`across`, `down`). All cards have one size. */
export function alignPositions(places: ReadonlyMap<string, Position>, how: Alignment): Map<string, Position> {
  const all = [...places];
  const xs = all.map(([, { x }]) => x);
  const ys = all.map(([, { y }]) => y);
  const between = (values: number[]): number => Math.round((Math.min(...values) + Math.max(...values)) / 2);
  if (how === "across" || how === "down") {
    const axis = how === "across" ? "x" : "y";
    const sorted = all.slice().sort(([, a], [, b]) => a[axis] - b[axis]);
    const first = sorted[0]?.[1][axis] ?? 0;
    const last = sorted.at(-1)?.[1][axis] ?? 0;
    return new Map(
      sorted.map(([id, place], at) => [
        id,
        { ...place, [axis]: Math.round(first + ((last - first) * at) / Math.max(1, sorted.length - 1)) },
      ]),
    );
  }
  const x = { left: Math.min(...xs), center: between(xs), right: Math.max(...xs) }[how as "left"];
  const y = { top: Math.min(...ys), middle: between(ys), bottom: Math.max(...ys) }[how as "top"];
  return new Map(all.map(([id, place]) => [id, roundPosition({ x: x ?? place.x, y: y ?? place.y })]));
}
