/** A spatial index of equal boxes that move; only cells with nodes exist. Pure. */

import { type Box, CELL_HEIGHT, CELL_WIDTH, type SpatialIndex } from "./grid";
import { NODE_HEIGHT, NODE_WIDTH } from "./model";

/** The largest coordinate: cell numbers are exact up to here. */
export const COORDINATE_MAX = 5e6;
const COLUMNS = 1 << 20;

export class MovingGrid implements SpatialIndex {
  private readonly cells = new Map<number, number[]>();
  /** Cell of each node. */
  private readonly cellOf: Float64Array;
  private knownBounds: Box | null = null;

  /** `at`: x, y of each node's upper left corner, at most COORDINATE_MAX; after changing it, call `move`. */
  constructor(
    private readonly at: Float64Array,
    readonly size: number,
  ) {
    this.cellOf = new Float64Array(size);
    for (let node = 0; node < size; node += 1) this.put(node, this.cell(node));
  }

  private cell(node: number): number {
    return (
      (Math.floor((this.at[2 * node + 1] ?? 0) / CELL_HEIGHT) + COLUMNS / 2) * COLUMNS +
      Math.floor((this.at[2 * node] ?? 0) / CELL_WIDTH) +
      COLUMNS / 2
    );
  }

  private put(node: number, cell: number): void {
    const list = this.cells.get(cell);
    if (list) list.push(node);
    else this.cells.set(cell, [node]);
    this.cellOf[node] = cell;
  }

  /** Updates the index after the position of a node has changed. */
  move(node: number): void {
    this.knownBounds = null;
    const before = this.cellOf[node] ?? 0;
    const cell = this.cell(node);
    if (cell === before) return;
    const list = this.cells.get(before) ?? [];
    const place = list.indexOf(node);
    if (place >= 0) list.splice(place, 1);
    if (!list.length) this.cells.delete(before);
    this.put(node, cell);
  }

  get bounds(): Box {
    if (this.knownBounds) return this.knownBounds;
    let left = Infinity;
    let top = Infinity;
    let right = -Infinity;
    let bottom = -Infinity;
    for (let node = 0; node < this.size; node += 1) {
      const x = this.at[2 * node] ?? 0;
      const y = this.at[2 * node + 1] ?? 0;
      if (x < left) left = x;
      if (y < top) top = y;
      if (x > right) right = x;
      if (y > bottom) bottom = y;
    }
    this.knownBounds = this.size
      ? { left, top, right: right + NODE_WIDTH, bottom: bottom + NODE_HEIGHT }
      : { left: 0, top: 0, right: 0, bottom: 0 };
    return this.knownBounds;
  }

  within(box: Box, found: (node: number) => void): void {
    const left = box.left - NODE_WIDTH;
    const top = box.top - NODE_HEIGHT;
    const look = (list: readonly number[]): void => {
      for (const node of list) {
        const x = this.at[2 * node] ?? 0;
        const y = this.at[2 * node + 1] ?? 0;
        if (x >= left && x <= box.right && y >= top && y <= box.bottom) found(node);
      }
    };
    const column = (x: number): number =>
      Math.floor(Math.max(-COORDINATE_MAX, Math.min(COORDINATE_MAX, x)) / CELL_WIDTH) + COLUMNS / 2;
    const row = (y: number): number =>
      Math.floor(Math.max(-COORDINATE_MAX, Math.min(COORDINATE_MAX, y)) / CELL_HEIGHT) + COLUMNS / 2;
    const firstColumn = column(left);
    const lastColumn = column(box.right);
    const firstRow = row(top);
    const lastRow = row(box.bottom);
    // For a large box it is quicker to look at all existing cells.
    if ((lastColumn - firstColumn + 1) * (lastRow - firstRow + 1) > this.cells.size) {
      for (const list of this.cells.values()) look(list);
      return;
    }
    for (let at = firstRow; at <= lastRow; at += 1) {
      for (let across = firstColumn; across <= lastColumn; across += 1) {
        const list = this.cells.get(at * COLUMNS + across);
        if (list) look(list);
      }
    }
  }

  hit(x: number, y: number): number {
    let hit = -1;
    this.within({ left: x, top: y, right: x, bottom: y }, (node) => {
      if (node > hit) hit = node;
    });
    return hit;
  }
}
