/** The parts of the editor and what they ask of each other. `main.ts` mounts each of them on its own part of the page. */

import type { DrawerTab, EditCanvas } from "../canvas/edit/page";
import type { InsertionPoint } from "../document/insertion-point";
import type { NodeType } from "../document/node-type";
import type { DocumentChange } from "../document/diff";
import type { Doc } from "../document/document";

import type { Ground } from "./saving/machine";
import type { EditorStore } from "../document/store";

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

export interface Palette {
  /** Opens the menu of node types with its search field; the chosen one is added at the insertion point. */
  openMenu(at: InsertionPoint): void;
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
  readonly changes: readonly DocumentChange[] | null;
  /** Hears of other changes and other versions. */
  listen(run: () => void): void;
  /** Shows on the canvas and in the drawer what differs from the live version; again: no longer. */
  compare(): void;
}
