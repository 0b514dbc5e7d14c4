/** The parts of the editor and what they ask of each other. Each is mounted by `main.ts` and owns its own corner of the page. */

import type { Changed } from "../graph/diff";
import type { Doc, Position } from "../graph/document";
import type { Direction } from "../graph/walk";
import type { JsonObject } from "../live/protocol";
import type { Ground } from "./savemachine";
import type { EditorStore } from "./store";

/** What the palette and the forms need of a node type (`NodeType.describe` of the engine). */
export interface NodeType {
  readonly type: string;
  readonly name: string;
  /** tables, code, flow, services or other. */
  readonly category: string;
  /** Name of an icon of the sprite. */
  readonly icon: string;
  readonly description: string;
  /** JSON Schema of `config`, with `x-editor` and `x-expression`. */
  readonly config: JsonObject;
  /** Null: they depend on the config (branch), and an edge out of it must name its own. */
  readonly out_ports: readonly string[] | null;
  /** False: edges into it only order. */
  readonly uses_inputs: boolean;
  /** A node without an edge into it is a problem. */
  readonly needs_input?: boolean;
}

/** What the page came with. */
export interface Facts {
  readonly slug: string;
  readonly name: string;
  readonly user: string;
  /** Newest version; null: none is published. */
  readonly newest: number | null;
  readonly live: number | null;
  readonly archived: boolean;
  readonly types: ReadonlyMap<string, NodeType>;
  /** Slots by pool. */
  readonly pools: ReadonlyMap<string, number>;
  /** Whether the person may put a version live. */
  readonly mayDeploy: boolean;
  /** Address of the workflow's pages: `/workflows/flights/`. */
  readonly address: string;
  /** Nonce for the styles that CodeMirror adds. */
  readonly nonce: string;
}

export interface Editing {
  readonly facts: Facts;
  readonly store: EditorStore;
  readonly canvas: EditCanvas;
  readonly palette: Palette;
  readonly inspector: Inspector;
  readonly drawer: Drawer;
  readonly saving: Saving;
  readonly checking: Checking;
  readonly runs: DraftRuns;
  readonly published: Published;
}

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

/** Where an added node belongs. */
export interface AddWish {
  /** Upper left corner of the new node, in the graph's units; null: where there is room. */
  readonly at: Position | null;
  /** A wire comes from here. */
  readonly from?: { readonly node: string; readonly port: string };
  /** A wire leads there. */
  readonly to?: { readonly node: string };
  /** It goes into this edge (edgeKey). */
  readonly edge?: string;
  /** Where the menu opens, in the window. */
  readonly client?: { readonly x: number; readonly y: number };
}

export interface Palette {
  /** Opens the menu of node types with its search field; adds what is chosen as the wish says. */
  ask(wish: AddWish): void;
  /** Gives the keyboard to the palette's own search (N). */
  focus(): void;
}

export interface Inspector {
  /** Shows a field of a node and gives it the keyboard: `line` from 1 in its text. */
  open(node: string, field?: readonly (string | number)[], line?: number | null): void;
  /** The settings of the workflow. */
  openWorkflow(field?: readonly (string | number)[]): void;
  focus(): void;
}

export type DrawerTab = "data" | "problems" | "changes";

export interface Drawer {
  show(tab: DrawerTab): void;
}

export interface Saving {
  /** Saved: what must hold before the draft is run or published. Raises an Error with a sentence for people. */
  settle(): Promise<void>;
  /** What the server's draft builds on. */
  readonly ground: Ground;
  /** The server holds this document by another way than a save: it was published, discarded, put on another version. */
  grounded(doc: Doc, ground: Ground): void;
}

export interface Checking {
  /** The check of the present document is there, or it is known that it cannot be now. */
  settle(): Promise<void>;
  /** Why problems are not checked now (`store.check` is offline or refused); empty: they are. */
  readonly why: string;
}

export interface DraftRuns {
  /** Saves, asks for inputs where there are any, and runs the draft; up to `targets` where given. */
  run(targets?: readonly string[]): Promise<void>;
}

export interface Published {
  /** Ids of the nodes of the newest and the live version, and those that a person chose: such an id stays. Null: not
   * known yet. */
  readonly ids: ReadonlySet<string> | null;
  /** Numbers of versions as they are now; null: there is none. */
  readonly newest: number | null;
  readonly live: number | null;
  /** The live version; null: there is none, or it is not known yet. */
  readonly liveDoc: Doc | null;
  /** What differs from the live version (without one: nothing). Null: not known yet. */
  readonly changes: readonly Changed[] | null;
  /** Hears of other changes and other versions. */
  listen(run: () => void): void;
  /** Shows on the canvas and in the drawer what differs from the live version; again: no longer. */
  compare(): void;
}
