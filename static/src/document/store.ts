/** What the editor knows: one document with its history, what is chosen, and what is known about it.
 *
 * Every edit goes through `edit`, every part listens by itself and is told once for each edit what differs. Documents are
 * never changed in place, so history holds them as they were: undo and redo only point to another one.
 */

import { type Change, reduce } from "./changes";
import { type Difference, difference, type Doc, type DocNode, edgeKey, indexOf, nodeOf } from "./document";
import type { RunStore } from "../run/store";
import type { Problem } from "./problems";

/** What a node last put out, as far as a run is known. */
export interface KnownOutput {
  readonly run: string;
  /** Null: a draft's run. */
  readonly version: number | null;
  readonly at: string;
  /** `table` or `json`. */
  readonly kind: string;
  readonly rows: number | null;
  readonly columns: readonly Column[] | null;
  /** Fingerprint of the node and all before it, as they were in that run; null: not known. */
  readonly fingerprint: string | null;
}

export interface Column {
  readonly name: string;
  readonly type: string;
}

/** Columns of a node's output as the check of the document knows them, without a run or from one. */
export type Schemas = ReadonlyMap<string, readonly Column[]>;

export type SaveState =
  | { readonly state: "saved"; readonly at: string | null }
  | { readonly state: "unsaved" }
  | { readonly state: "saving" }
  /** Kept in this browser, sent when the server is back. */
  | { readonly state: "offline"; readonly tries: number }
  /** Another tab saved first: nothing was written over. */
  | { readonly state: "conflict" }
  /** The server refused it and says why. */
  | { readonly state: "refused"; readonly why: string };

export type CheckState = "checked" | "checking" | "offline" | "refused";

/** How far differences from another version are shown on the canvas. */
export interface Marks {
  /** Which version that is: the live one, which the author asked for, or another save of the draft. */
  readonly against: "live" | "save";
  readonly added: ReadonlySet<string>;
  readonly changed: ReadonlySet<string>;
}

export interface Selection {
  readonly nodes: ReadonlySet<string>;
  /** By edgeKey. */
  readonly edges: ReadonlySet<string>;
}

export interface Update {
  /** What differs in the document; null: nothing. */
  readonly doc: Difference | null;
  readonly selection: boolean;
  readonly problems: boolean;
  readonly schemas: boolean;
  readonly outputs: boolean;
  readonly saving: boolean;
  readonly marks: boolean;
  /** Another run of the draft is followed, or none. Its states are told by the run's own store. */
  readonly run: boolean;
}

export type Listener = (update: Update) => void;

interface Entry {
  readonly label: string;
  readonly doc: Doc;
  readonly selection: Selection;
  /** Elements of its lists that the document after it does not share. */
  readonly weight: number;
}

const weightOf = (doc: Doc, next: Doc): number =>
  (doc.nodes === next.nodes ? 0 : doc.nodes.length) + (doc.edges === next.edges ? 0 : doc.edges.length);

export interface EditOptions {
  /** What the edit is, for "Undo ...": "Move Clean". */
  readonly label: string;
  /** Edits in a row with the same word are one step of the history (typing in one field, one drag). */
  readonly merge?: string;
  /** What is chosen after it. */
  readonly select?: { readonly nodes?: Iterable<string>; readonly edges?: Iterable<string> };
}

const NOTHING: Selection = { nodes: new Set(), edges: new Set() };
const QUIET: Update = {
  doc: null,
  selection: false,
  problems: false,
  schemas: false,
  outputs: false,
  saving: false,
  marks: false,
  run: false,
};
/** Always the same list: who compares what it was told sees that nothing differs. */
const NO_PROBLEMS: readonly Problem[] = [];
const HISTORY_MAX = 20_000;
/** What the history may hold of lists that were copied for an edit, in elements: about 32 MB. */
const HISTORY_ELEMENTS_MAX = 4_000_000;

/** What was chosen, by its new ids: of edges those that stand at the same places. */
function followed(chosen: Selection, before: Doc, after: Doc, ids: ReadonlyMap<string, string>): Selection {
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
  private chosen: Selection = NOTHING;
  private past: Entry[] = [];
  private future: Entry[] = [];
  private pastWeight = 0;
  /** Word of the edit that the next one may be part of. */
  private merging = "";
  private problemsNow: readonly Problem[] = [];
  private byNode = new Map<string, Problem[]>();
  private schemasNow: Schemas = new Map();
  private fingerprints: ReadonlyMap<string, string> = new Map();
  private runNow: RunStore | null = null;
  /** Fingerprints when the followed run began; null: not known. */
  private runFingerprints: ReadonlyMap<string, string> | null = null;
  private outputsNow: ReadonlyMap<string, KnownOutput> = new Map();
  private savingNow: SaveState = { state: "saved", at: null };
  private marksNow: Marks | null = null;
  private readonly listeners: Listener[] = [];
  /** How the check of the present document stands. */
  check: CheckState = "checking";
  /** Ids that a person chose: they follow no name. */
  readonly chosenIds = new Set<string>();
  /** Version of the document: rises with every edit. */
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
  /** The one chosen node; null when none or several are. */
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
  get outputs(): ReadonlyMap<string, KnownOutput> {
    return this.outputsNow;
  }
  /** Whether the node, or something before it, was edited since that output, as far as it is known. */
  isStale(node: string): boolean {
    const output = this.outputsNow.get(node);
    const fingerprint = this.fingerprints.get(node);
    return (
      output !== undefined &&
      output.fingerprint !== null &&
      fingerprint !== undefined &&
      output.fingerprint !== fingerprint
    );
  }
  /** The run of the draft that is followed here; null: none. */
  get run(): RunStore | null {
    return this.runNow;
  }
  /** Whether the node, or something before it, was edited since the followed run began, as far as it is known. */
  isEditedSinceRun(node: string): boolean {
    const then = this.runFingerprints?.get(node);
    const now = this.fingerprints.get(node);
    return then !== undefined && now !== undefined && then !== now;
  }
  get saving(): SaveState {
    return this.savingNow;
  }
  get marks(): Marks | null {
    return this.marksNow;
  }
  /** What undo would take back; empty: nothing. */
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

  private tell(update: Partial<Update>): void {
    const whole = { ...QUIET, ...update };
    for (const listener of [...this.listeners]) listener(whole);
  }

  /** Applies changes as one step. Whether anything differs now. */
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
    if (!options.merge || options.merge !== this.merging)
      this.remember({ label: options.label, doc: before, selection: this.chosen, weight: weightOf(before, after) });
    this.merging = options.merge ?? "";
    this.future = [];
    this.turnTo(
      after,
      options.select
        ? { nodes: new Set(options.select.nodes ?? []), edges: new Set(options.select.edges ?? []) }
        : followed(this.chosen, before, after, ids),
    );
    return true;
  }

  /** The next edit starts a step of its own, whatever its merge word. */
  settle(): void {
    this.merging = "";
  }

  undo(): boolean {
    return this.travel(this.past, this.future);
  }
  redo(): boolean {
    return this.travel(this.future, this.past);
  }

  private remember(entry: Entry): void {
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

  private travel(from: Entry[], to: Entry[]): boolean {
    const entry = from.pop();
    if (!entry) return false;
    if (from === this.past) this.pastWeight -= entry.weight;
    const here: Entry = { label: entry.label, doc: this.docNow, selection: this.chosen, weight: entry.weight };
    if (to === this.past) this.remember(here);
    else to.push(here);
    this.merging = "";
    this.turnTo(entry.doc, entry.selection);
    return true;
  }

  private turnTo(after: Doc, selection: Selection): void {
    const before = this.docNow;
    this.docNow = after;
    this.edits += 1;
    this.check = "checking";
    const kept = this.existing(selection);
    const selected = kept !== this.chosen;
    this.chosen = kept;
    this.tell({ doc: difference(before, after), selection: selected });
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    const next = this.existing({ nodes: new Set(nodes), edges: new Set(edges) });
    const same = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
      a.size === b.size && [...a].every((one) => b.has(one));
    if (same(next.nodes, this.chosen.nodes) && same(next.edges, this.chosen.edges)) return;
    this.chosen = next;
    this.merging = "";
    this.tell({ selection: true });
  }

  private existing(selection: Selection): Selection {
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
    this.tell({ problems: true });
  }
  /** `fingerprints`: fingerprint of each node and all before it, as the check saw them. */
  setSchemas(schemas: Schemas, fingerprints: ReadonlyMap<string, string>): void {
    const others = schemas !== this.schemasNow;
    const edited =
      fingerprints.size !== this.fingerprints.size ||
      [...fingerprints].some(([node, print]) => this.fingerprints.get(node) !== print);
    this.schemasNow = schemas;
    this.fingerprints = fingerprints;
    // How old an output is shows only where there is one.
    if (others || edited)
      this.tell({ schemas: others, outputs: edited && (this.outputsNow.size > 0 || this.runNow !== null) });
  }
  /** `isPresent`: it runs the document as it is now. */
  setRun(run: RunStore | null, isPresent = false): void {
    this.runNow = run;
    this.runFingerprints = isPresent ? this.fingerprints : null;
    this.tell({ run: true });
  }
  setOutputs(outputs: ReadonlyMap<string, KnownOutput>): void {
    this.outputsNow = outputs;
    this.tell({ outputs: true });
  }
  setSaving(saving: SaveState): void {
    this.savingNow = saving;
    this.tell({ saving: true });
  }
  setMarks(marks: Marks | null): void {
    this.marksNow = marks;
    this.tell({ marks: true });
  }
}
