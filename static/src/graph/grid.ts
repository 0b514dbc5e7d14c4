/** A spatial index of equal boxes: a grid whose cells list the nodes with their upper left corner inside. Pure. */

import { NODE_HEIGHT, NODE_WIDTH } from "./model";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const CELL_WIDTH = 4 * NODE_WIDTH;
export const CELL_HEIGHT = 8 * NODE_HEIGHT;
/** Limits the memory of graphs with nodes far apart. */
const CELLS_MAX = 1 << 16;

/** Finds nodes by position. */
export interface SpatialIndex {
  /** The box around all nodes. */
  readonly bounds: Box;
  /** Calls `found` for each node that overlaps the box. */
  within(box: Box, found: (node: number) => void): void;
  /** The node at a point (the last one in document order if they overlap); -1: none. */
  hit(x: number, y: number): number;
}

export class Grid implements SpatialIndex {
  readonly bounds: Box;
  private readonly columns: number;
  private readonly rows: number;
  private readonly cellWidth: number;
  private readonly cellHeight: number;
  private readonly start: Int32Array;
  private readonly nodes: Int32Array;

  /** `at`: x, y of each node's upper left corner. */
  constructor(
    private readonly at: Float64Array,
    readonly size: number,
  ) {
    let left = Infinity;
    let top = Infinity;
    let right = -Infinity;
    let bottom = -Infinity;
    for (let node = 0; node < size; node += 1) {
      const x = at[2 * node] ?? 0;
      const y = at[2 * node + 1] ?? 0;
      if (x < left) left = x;
      if (y < top) top = y;
      if (x > right) right = x;
      if (y > bottom) bottom = y;
    }
    this.bounds = size
      ? { left, top, right: right + NODE_WIDTH, bottom: bottom + NODE_HEIGHT }
      : { left: 0, top: 0, right: 0, bottom: 0 };
    let wide = CELL_WIDTH;
    let high = CELL_HEIGHT;
    const cells = (): number => (Math.floor((right - left) / wide) + 1) * (Math.floor((bottom - top) / high) + 1);
    while (size && cells() > CELLS_MAX) {
      wide *= 2;
      high *= 2;
    }
    this.cellWidth = wide;
    this.cellHeight = high;
    this.columns = size ? Math.floor((right - left) / wide) + 1 : 1;
    this.rows = size ? Math.floor((bottom - top) / high) + 1 : 1;
    const start = new Int32Array(this.columns * this.rows + 1);
    for (let node = 0; node < size; node += 1) {
      const cell = this.cell(node) + 1;
      start[cell] = (start[cell] ?? 0) + 1;
    }
    for (let cell = 0; cell < this.columns * this.rows; cell += 1)
      start[cell + 1] = (start[cell + 1] ?? 0) + (start[cell] ?? 0);
    const next = start.slice();
    const nodes = new Int32Array(size);
    for (let node = 0; node < size; node += 1) {
      const cell = this.cell(node);
      const place = next[cell] ?? 0;
      nodes[place] = node;
      next[cell] = place + 1;
    }
    this.start = start;
    this.nodes = nodes;
  }

  private column(x: number): number {
    return Math.floor((x - this.bounds.left) / this.cellWidth);
  }
  private row(y: number): number {
    return Math.floor((y - this.bounds.top) / this.cellHeight);
  }
  private cell(node: number): number {
    return this.row(this.at[2 * node + 1] ?? 0) * this.columns + this.column(this.at[2 * node] ?? 0);
  }

  within(box: Box, found: (node: number) => void): void {
    if (!this.size) return;
    const left = box.left - NODE_WIDTH;
    const top = box.top - NODE_HEIGHT;
    const firstColumn = Math.max(0, this.column(left));
    const lastColumn = Math.min(this.columns - 1, this.column(box.right));
    const firstRow = Math.max(0, this.row(top));
    const lastRow = Math.min(this.rows - 1, this.row(box.bottom));
    for (let row = firstRow; row <= lastRow; row += 1) {
      for (let column = firstColumn; column <= lastColumn; column += 1) {
        const cell = row * this.columns + column;
        const end = this.start[cell + 1] ?? 0;
        for (let place = this.start[cell] ?? 0; place < end; place += 1) {
          const node = this.nodes[place] ?? 0;
          const x = this.at[2 * node] ?? 0;
          const y = this.at[2 * node + 1] ?? 0;
          if (x >= left && x <= box.right && y >= top && y <= box.bottom) found(node);
        }
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
