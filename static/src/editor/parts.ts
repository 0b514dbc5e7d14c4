/** The parts of the editor and their interfaces to each other. `main.ts` mounts them. */

import type { DrawerTab, EditCanvas } from "../canvas/edit/page";
import type { InsertionPoint } from "../document/insertion-point";
import type { NodeType } from "../document/node-type";
import type { DocumentChange } from "../document/diff";
import type { Doc } from "../document/document";

import type { Ground } from "./saving/machine";
import type { EditorStore } from "../document/store";

/** Data of the page, which do not change. */
export interface Facts {
  readonly slug: string;
  readonly name: string;
  readonly user: string;
  /** Number of the newest version; null: none is published. */
  readonly newest: number | null;
  readonly live: number | null;
  /** The version that a new draft starts from: after a rollback the live one, else the newest. */
  readonly draftBase: number | null;
  readonly archived: boolean;
  readonly types: ReadonlyMap<string, NodeType>;
  /** Number of slots by pool. */
  readonly pools: ReadonlyMap<string, number>;
  /** Whether the user may put a version live. */
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
  readonly keyboard: Keyboard;
}

export interface Keyboard {
  /** Whether the user types: a text field has the focus, or a key was pressed within the last second. */
  readonly inUse: boolean;
  /** Whether a program moved the focus or the selection within the last second: keys were meant for what had it before. */
  readonly rests: boolean;
  /** Called after a program moved the focus or the selection unasked. */
  moved(): void;
}

export interface Palette {
  /** Opens the menu of node types with its search field; the chosen one is added at the insertion point. */
  openMenu(at: InsertionPoint): void;
  /** Focuses the search field of the palette (N). */
  focus(): void;
}

export interface Inspector {
  /** Shows a node and focuses one of its fields, at a line of its text (from 1). */
  open(node: string, field?: readonly (string | number)[], line?: number | null): void;
  /** Shows the settings of the workflow. */
  openWorkflow(field?: readonly (string | number)[]): void;
  focus(): void;
}

export interface Drawer {
  show(tab: DrawerTab): void;
}

export interface Saving {
  /** Saves all edits, before the draft is run or published. Rejects with an Error whose message is for people. */
  settle(): Promise<void>;
  /** What the server's draft is based on. */
  readonly ground: Ground;
  /** Called when the server has this document without a save: it was published, discarded or based on another version. */
  grounded(doc: Doc, ground: Ground): void;
}

export interface Checking {
  /** Resolves when the present document has been checked, or cannot be checked now. */
  settle(): Promise<void>;
  /** Why the document cannot be checked (`store.check` is offline or refused); empty: it can. */
  readonly why: string;
}

export interface DraftRuns {
  /** Saves the draft, asks for its inputs if it has any, and runs it, up to the targets if there are any. */
  run(targets?: readonly string[]): Promise<void>;
}

export interface Published {
  /** IDs of nodes in the newest or live version, or set by a person: renaming a node keeps them. Null: not loaded yet. */
  readonly ids: ReadonlySet<string> | null;
  /** Present numbers of versions; null: none. */
  readonly newest: number | null;
  readonly live: number | null;
  /** The live version; null: none, or not loaded yet. */
  readonly liveDoc: Doc | null;
  /** Changes from the live version; empty without one. Null: not loaded yet. */
  readonly changes: readonly DocumentChange[] | null;
  /** Calls a function when the changes or versions change. */
  listen(run: () => void): void;
  /** Shows or hides the changes from the live version on the canvas and in the drawer. */
  compare(): void;
}
