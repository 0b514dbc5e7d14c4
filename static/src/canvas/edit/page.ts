/** What the editor's canvas offers to the rest of the page, and what it needs from it. */

import type { InsertionPoint } from "../../document/insertion-point";
import type { NodeType } from "../../document/node-type";
import type { EditorStore } from "../../document/store";
import type { Position } from "../../graph/model";
import type { Direction } from "../../graph/walk";

export interface EditCanvas {
  fit(): void;
  fitSelection(): void;
  /** Gives the keyboard focus to the canvas. */
  focus(): void;
  search(): void;
  walk(direction: Direction): void;
  /** The middle of the view, in the graph's units. */
  middle(): Position;
  /** Converts a point of the window to the graph's units. */
  toGraph(clientX: number, clientY: number): Position;
  /** The box of a node in the window; null: there is no such node. */
  boxOf(node: string): DOMRect | null;
  /** The position of a node, derived if the author gave none; null: there is no such node. */
  placeOf(node: string): Position | null;
  /** Moves the view as little as needed to show the nodes. */
  reveal(nodes: Iterable<string>): void;
  /** Opens the name field on the node's card. */
  rename(node: string): void;
  /** Starts a connection by keyboard: arrows choose the target, Enter connects, Escape cancels. */
  connectFrom(node: string): void;
  /** Lays out all nodes (or the selected ones), as one edit. */
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
