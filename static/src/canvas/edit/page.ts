/** What the editor's canvas offers to the rest of the page, and what it needs from it. */

import type { InsertionPoint } from "../../document/insertion-point";
import type { NodeType } from "../../document/node-type";
import type { EditorStore } from "../../document/store";
import type { Position } from "../../graph/model";
import type { Direction } from "../../graph/walk";

export interface EditCanvas {
  fit(): void;
  fitSelection(): void;
  /** Gives the keyboard to the canvas. */
  focus(): void;
  search(): void;
  walk(direction: Direction): void;
  /** Middle of what is in view, in the graph's units. */
  middle(): Position;
  /** A point of the window in the graph's units. */
  toGraph(clientX: number, clientY: number): Position;
  /** Where a node stands in the window; null: it is not known. */
  boxOf(node: string): DOMRect | null;
  /** Where each node stands, also those that nobody placed. */
  placeOf(node: string): Position | null;
  /** Brings nodes into view, as little as need be. */
  reveal(nodes: Iterable<string>): void;
  /** Opens the field for the node's name on its card. */
  rename(node: string): void;
  /** A wire from this node follows the keyboard: arrows choose the target, Enter connects, Escape ends. */
  connectFrom(node: string): void;
  /** New places for all nodes (or those chosen), as an edit. */
  tidy(): Promise<void>;
}

export type DrawerTab = "data" | "problems" | "changes";

export interface CanvasPage {
  readonly store: EditorStore;
  readonly types: ReadonlyMap<string, NodeType>;
  /** Ids of the nodes of the newest and the live version, which stay as they are; null: not known yet. */
  readonly publishedIds: ReadonlySet<string> | null;
  /** Opens the menu of node types; the chosen one is added at the insertion point. */
  openTypeMenu(at: InsertionPoint): void;
  showDrawer(tab: DrawerTab): void;
}
