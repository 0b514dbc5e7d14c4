import type { Position } from "../graph/model";

/** Where a node that is added belongs. */
export interface InsertionPoint {
  /** Upper left corner of the new node, in the graph's units; null: where there is room. */
  readonly at: Position | null;
  /** An edge leads from this port to the new node. */
  readonly from?: { readonly node: string; readonly port: string };
  /** An edge leads from the new node to this one. */
  readonly to?: { readonly node: string };
  /** The node splits this edge (edgeKey). */
  readonly edge?: string;
  /** Where the menu of node types opens, in the window. */
  readonly client?: { readonly x: number; readonly y: number };
}
