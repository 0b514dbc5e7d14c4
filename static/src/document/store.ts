/** The editor's store: the document with its history, the selection, and what is known about the document.
 *
 * Every edit goes through `edit`; listeners get one update for each edit that says what differs. Documents are never
 * changed in place, so the history simply keeps them.
 */

import { type Change, reduce } from "./changes";
import { type Difference, difference, type Doc, type DocNode, edgeKey, indexOf, nodeOf } from "./document";
import { notifyAll } from "../notify";
import type { RunStore } from "../run/store";
import type { Problem } from "./problems";

/** The newest known output of a node. */
export interface NodeOutputInfo {
  readonly run: string;
  /** Null: a draft's run. */
  readonly version: number | null;
  readonly at: string;
  /** `table` or `json`. */
  readonly kind: string;
  readonly rows: number | null;
  readonly columns: readonly Column[] | null;
  /** Fingerprint of the node and everything upstream in that run; null: unknown. */
  readonly fingerprint: string | null;
}

export interface Column {
  readonly name: string;
  readonly type: string;
}

/** Columns of the nodes' outputs as the check of the document determined them. */
export type Schemas = ReadonlyMap<string, readonly Column[]>;

type SaveState =
  | { readonly state: "saved"; readonly at: string | null }
  | { readonly state: "unsaved" }
  | { readonly state: "saving" }
  /** Stored in this browser, sent when the server is back. */
  | { readonly state: "offline"; readonly tries: number }
  /** Another tab saved first; nothing was overwritten. */
  | { readonly state: "conflict" }
  /** The server rejected the document. */
  | { readonly state: "refused"; readonly why: string };

export type CheckState = "checked" | "checking" | "offline" | "refused";

/** The differences from another document that the canvas highlights. */
interface Marks {
  /** The other document: the live version, or a save of the draft from elsewhere. */
  readonly against: "live" | "save";
  readonly added: ReadonlySet<string>;
  readonly changed: ReadonlySet<string>;
}

interface Selection {
  readonly nodes: ReadonlySet<string>;
  /** By edgeKey. */
  readonly edges: ReadonlySet<string>;
}

export interface Update {
  /** The difference in the document; null: none. */
  readonly doc: Difference | null;
  readonly selection: boolean;
  readonly problems: boolean;
  readonly schemas: boolean;
  readonly outputs: boolean;
  readonly saving: boolean;
  readonly marks: boolean;
  /** Another run of the draft is followed, or none. Changes of its states come from the run's own store. */
  readonly run: boolean;
}

type Listener = (update: Update) => void;

interface Entry {
  readonly label: string;
  readonly doc: Doc;
  readonly selection: Selection;
  /** Items of its lists that the next document does not share. */
  readonly weight: number;
}

const weightOf = (doc: Doc, next: Doc): number =>
  (doc.nodes === next.nodes ? 0 : doc.nodes.length) + (doc.edges === next.edges ? 0 : doc.edges.length);

interface EditOptions {
  /** Name of the edit, shown as "Undo ...": "Move Clean". */
  readonly label: string;
  /** Successive edits with the same key are one step of the history (typing in one field, one drag). */
  readonly mergeKey?: string;
  /** The selection after the edit. */
  readonly select?: { readonly nodes?: Iterable<string>; readonly edges?: Iterable<string> };
}

const NO_SELECTION: Selection = { nodes: new Set(), edges: new Set() };
const NO_UPDATE: Update = {
  doc: null,
  selection: false,
  problems: false,
  schemas: false,
  outputs: false,
  saving: false,
  marks: false,
  run: false,
};
/** One shared list, so that comparing by identity works. */
const NO_PROBLEMS: readonly Problem[] = [];
const HISTORY_MAX = 20_000;
/** Limit of copied list items in the history: about 32 MB. */
const HISTORY_ELEMENTS_MAX = 4_000_000;

/** Returns the selection after ids changed; edges are matched by their place in the list. */
function followSelection(chosen: Selection, before: Doc, after: Doc, ids: ReadonlyMap<string, string>): Selection {
  const keys =
    chosen.edges.size && before.edges !== after.edges && before.edges.length === after.edges.length
      ? new Map<string, string>()
      : null;
  if (keys) before.edges.forEach((edge, at) => keys.set(edgeKey(edge), edgeKey(after.edges[at] ?? edge)));
  if (!ids.size && !keys) return chosen;
  return {
    nodes: new Set([...chosen.nodes].map((id) => ids.get(id) ?? id)),
    edges: keys ? new Set([...chosen.edges].map((key) => keys.get(key) ?? key)) : chosen.edges,
  };
}

export class EditorStore {
  private docNow: Doc;
  private chosen: Selection = NO_SELECTION;
  private past: Entry[] = [];
  private future: Entry[] = [];
  private pastWeight = 0;
  /** `mergeKey` of the last edit; empty: the next edit starts a new step. */
  private mergeKey = "";
  private problemsNow: readonly Problem[] = [];
  private byNode = new Map<string, Problem[]>();
  private schemasNow: Schemas = new Map();
  private fingerprintsNow: ReadonlyMap<string, string> = new Map();
  private runNow: RunStore | null = null;
  /** Fingerprints when the followed run started; null: unknown. */
  private runFingerprints: ReadonlyMap<string, string> | null = null;
  private outputsNow: ReadonlyMap<string, NodeOutputInfo> = new Map();
  private savingNow: SaveState = { state: "saved", at: null };
  private marksNow: Marks | null = null;
  private readonly listeners: Listener[] = [];
  /** State of the check of the present document. */
  check: CheckState = "checking";
  /** Ids that the author typed; they do not follow the node's name. */
  readonly chosenIds = new Set<string>();
  /** Number of edits so far, undo and redo included. */
  edits = 0;

  constructor(
    doc: Doc,
    private readonly elementsMax = HISTORY_ELEMENTS_MAX,
  ) {
    this.docNow = doc;
  }

  get doc(): Doc {
    return this.docNow;
  }
  get selection(): Selection {
    return this.chosen;
  }
  /** The selected node; null: none, or more than one item is selected. */
  get node(): DocNode | null {
    const [id] = this.chosen.nodes;
    return id !== undefined && this.chosen.nodes.size === 1 && !this.chosen.edges.size
      ? (nodeOf(this.docNow, id) ?? null)
      : null;
  }
  get problems(): readonly Problem[] {
    return this.problemsNow;
  }
  problemsOf(node: string): readonly Problem[] {
    return this.byNode.get(node) ?? NO_PROBLEMS;
  }
  get schemas(): Schemas {
    return this.schemasNow;
  }
  get outputs(): ReadonlyMap<string, NodeOutputInfo> {
    return this.outputsNow;
  }
  /** Returns whether the node or something upstream is known to have been edited since its output. */
  isStale(node: string): boolean {
    const output = this.outputsNow.get(node);
    const print = this.fingerprintsNow.get(node);
    return output !== undefined && output.fingerprint !== null && print !== undefined && output.fingerprint !== print;
  }
  /** The followed run of the draft; null: none. */
  get run(): RunStore | null {
    return this.runNow;
  }
  /** Returns whether the node or something upstream is known to have been edited since the followed run started. */
  isEditedSinceRun(node: string): boolean {
    const then = this.runFingerprints?.get(node);
    const now = this.fingerprintsNow.get(node);
    return then !== undefined && now !== undefined && then !== now;
  }
  get saving(): SaveState {
    return this.savingNow;
  }
  get marks(): Marks | null {
    return this.marksNow;
  }
  /** Label of the edit that undo would revert; empty: none. */
  get undoLabel(): string {
    return this.past.at(-1)?.label ?? "";
  }
  get redoLabel(): string {
    return this.future.at(-1)?.label ?? "";
  }

  listen(listener: Listener): () => void {
    this.listeners.push(listener);
    return () => {
      const at = this.listeners.indexOf(listener);
      if (at >= 0) this.listeners.splice(at, 1);
    };
  }

  private notify(update: Partial<Update>): void {
    notifyAll(this.listeners, { ...NO_UPDATE, ...update });
  }

  /** Applies changes as one step of the history; returns whether the document changed. */
  edit(changes: Change | readonly Change[], options: EditOptions): boolean {
    const before = this.docNow;
    let after = before;
    const ids = new Map<string, string>();
    for (const change of Array.isArray(changes) ? (changes as readonly Change[]) : [changes as Change]) {
      const next = reduce(after, change);
      if (change.kind === "rename" && next !== after) {
        ids.set(change.node, change.id);
        if (change.chosen) this.chosenIds.add(change.id);
      }
      after = next;
    }
    if (after === before) return false;
    if (!options.mergeKey || options.mergeKey !== this.mergeKey)
      this.pushPast({ label: options.label, doc: before, selection: this.chosen, weight: weightOf(before, after) });
    this.mergeKey = options.mergeKey ?? "";
    this.future = [];
    this.show(
      after,
      options.select
        ? { nodes: new Set(options.select.nodes ?? []), edges: new Set(options.select.edges ?? []) }
        : followSelection(this.chosen, before, after, ids),
    );
    return true;
  }

  /** The next edit starts a new step of the history, whatever its mergeKey. */
  endMerging(): void {
    this.mergeKey = "";
  }

  undo(): boolean {
    return this.step(this.past, this.future);
  }
  redo(): boolean {
    return this.step(this.future, this.past);
  }

  private pushPast(entry: Entry): void {
    this.past.push(entry);
    this.pastWeight += entry.weight;
    let over = 0;
    while (
      over < this.past.length - 1 &&
      (this.past.length - over > HISTORY_MAX || this.pastWeight > this.elementsMax)
    ) {
      this.pastWeight -= this.past[over]?.weight ?? 0;
      over += 1;
    }
    if (over) this.past.splice(0, over);
  }

  private step(from: Entry[], to: Entry[]): boolean {
    const entry = from.pop();
    if (!entry) return false;
    if (from === this.past) this.pastWeight -= entry.weight;
    const here: Entry = { label: entry.label, doc: this.docNow, selection: this.chosen, weight: entry.weight };
    if (to === this.past) this.pushPast(here);
    else to.push(here);
    this.mergeKey = "";
    this.show(entry.doc, entry.selection);
    return true;
  }

  private show(after: Doc, selection: Selection): void {
    const before = this.docNow;
    this.docNow = after;
    this.edits += 1;
    this.check = "checking";
    const next = this.withoutMissing(selection);
    const reselected = next !== this.chosen;
    this.chosen = next;
    this.notify({ doc: difference(before, after), selection: reselected });
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    const next = this.withoutMissing({ nodes: new Set(nodes), edges: new Set(edges) });
    const same = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
      a.size === b.size && [...a].every((item) => b.has(item));
    if (same(next.nodes, this.chosen.nodes) && same(next.edges, this.chosen.edges)) return;
    this.chosen = next;
    this.mergeKey = "";
    this.notify({ selection: true });
  }

  private withoutMissing(selection: Selection): Selection {
    const index = indexOf(this.docNow);
    const keys = selection.edges.size ? new Set(this.docNow.edges.map(edgeKey)) : null;
    const nodes = [...selection.nodes].filter((id) => index.has(id));
    const edges = [...selection.edges].filter((key) => keys?.has(key));
    return nodes.length === selection.nodes.size && edges.length === selection.edges.size
      ? selection
      : { nodes: new Set(nodes), edges: new Set(edges) };
  }

  setProblems(problems: readonly Problem[], check: CheckState): void {
    this.check = check;
    this.problemsNow = problems;
    this.byNode = new Map();
    for (const problem of problems) {
      if (problem.node === null) continue;
      const list = this.byNode.get(problem.node);
      if (list) list.push(problem);
      else this.byNode.set(problem.node, [problem]);
    }
    this.notify({ problems: true });
  }
  /** `fingerprints`: of each node with everything upstream, in the document that was checked. */
  setSchemas(schemas: Schemas, fingerprints: ReadonlyMap<string, string>): void {
    const schemasDiffer = schemas !== this.schemasNow;
    const edited =
      fingerprints.size !== this.fingerprintsNow.size ||
      [...fingerprints].some(([node, fingerprint]) => this.fingerprintsNow.get(node) !== fingerprint);
    this.schemasNow = schemas;
    this.fingerprintsNow = fingerprints;
    // Fingerprints only matter where there are outputs.
    if (schemasDiffer || edited)
      this.notify({ schemas: schemasDiffer, outputs: edited && (this.outputsNow.size > 0 || this.runNow !== null) });
  }
  /** `isPresent`: the run executes the document as it is now. */
  setRun(run: RunStore | null, isPresent = false): void {
    this.runNow = run;
    this.runFingerprints = isPresent ? this.fingerprintsNow : null;
    this.notify({ run: true });
  }
  setOutputs(outputs: ReadonlyMap<string, NodeOutputInfo>): void {
    this.outputsNow = outputs;
    this.notify({ outputs: true });
  }
  setSaving(saving: SaveState): void {
    this.savingNow = saving;
    this.notify({ saving: true });
  }
  setMarks(marks: Marks | null): void {
    this.marksNow = marks;
    this.notify({ marks: true });
  }
}
