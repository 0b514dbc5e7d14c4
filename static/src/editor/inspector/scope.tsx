/** What the fields of the inspector read and write: one node, several nodes at once, or the workflow. */

import { isObject, type Json, type JsonObject, isEqual } from "../../json";
import { createContext, useContext, useEffect, useSyncExternalStore } from "react";
import { isTyping } from "../../dom";
import { type Change, type Path, withValue } from "../../document/changes";
import { configOf, type Doc, type DocNode, indexOf, nameOf, nodeOf, typeOf } from "../../document/document";

import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import type { Editing } from "../parts";
import { problemField, type Problem } from "../../document/problems";
import { performVerb } from "../../document/perform";
import type { EditorStore } from "../../document/store";
import { applyFix } from "../../document/verbs";
import type { Known } from "./node-facts";
import { placeOf } from "./schema";
import { type Instant, instantFaults, valueAt } from "./validator";

/** Several nodes say different things in one field. */
export const MIXED = Symbol("mixed");
export type Found = Json | undefined | typeof MIXED;

export interface Said {
  readonly message: string;
  readonly severity: "error" | "warning";
  readonly line: number | null;
  /** In code points of the field's text. */
  readonly span: readonly [number, number] | null;
  readonly fix: { readonly label: string; apply(): void } | null;
}

export interface Scope {
  /** Begins the ids of its fields. */
  readonly key: string;
  read(path: Path): Found;
  /** Undefined takes the field away. `what` names the field in "Undo ...". */
  write(path: Path, value: Json | undefined, what: string): void;
  /** What is said about one field, or by the empty path about none of them; the same list while nothing new is said. */
  said(path: Path): readonly Said[];
}

/** A field that is to be shown and given the keyboard. */
export interface Wish {
  readonly path: Path;
  readonly line: number | null;
}

export class Wishes {
  private now: Wish | null = null;
  /** What had the keyboard when it was asked for, and whether somebody pressed anything since. */
  private at: Element | null = null;
  private pressed = false;
  private readonly listeners = new Set<() => void>();
  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly current = (): Wish | null => this.now;
  constructor() {
    for (const name of ["keydown", "pointerdown"])
      document.addEventListener(name, () => (this.pressed = true), { capture: true });
  }
  ask(wish: Wish): void {
    this.now = wish;
    this.at = document.activeElement;
    this.pressed = false;
    for (const listener of [...this.listeners]) listener();
  }
  taken(): void {
    this.now = null;
  }
  /** Whether somebody began to write elsewhere since it was asked for: the keyboard stays there. */
  get isLate(): boolean {
    const now = document.activeElement;
    return this.pressed && now !== this.at && isTyping(now);
  }
}

export interface Surroundings {
  readonly editing: Editing;
  readonly listen: (listener: () => void) => () => void;
  readonly wishes: Wishes;
  readonly known: Known;
}

export const SurroundingsContext = createContext<Surroundings | null>(null);
export const ScopeContext = createContext<Scope | null>(null);

export function useSurroundings(): Surroundings {
  const found = useContext(SurroundingsContext);
  if (!found) throw new Error("outside of the inspector");
  return found;
}

export function useScope(): Scope {
  const found = useContext(ScopeContext);
  if (!found) throw new Error("a field outside of a scope");
  return found;
}

/** A part of what the store knows; drawn again when another object is there. */
export function useStore<T>(read: (store: EditorStore) => T): T {
  const { editing, listen } = useSurroundings();
  return useSyncExternalStore(listen, () => read(editing.store));
}

export function useValue(path: Path): Found {
  const { listen } = useSurroundings();
  const scope = useScope();
  return useSyncExternalStore(listen, () => scope.read(path));
}

export function useSaid(path: Path): readonly Said[] {
  const { listen } = useSurroundings();
  const scope = useScope();
  return useSyncExternalStore(listen, () => scope.said(path));
}

/** Calls `focus` when this field is asked for. */
export function useWish(path: Path, focus: (line: number | null) => void): void {
  const { wishes } = useSurroundings();
  const wish = useSyncExternalStore(wishes.listen, wishes.current);
  useEffect(() => {
    if (!wish || !isEqual(wish.path as Json[], path as Json[])) return;
    const late = wishes.isLate;
    wishes.taken();
    if (!late) focus(wish.line);
  });
}

const NOTHING: readonly Said[] = [];

/** The repair of a problem as one edit. The server named the node by its place; it may stand elsewhere by now. */
function repair(editing: Editing, problem: Problem): void {
  const { store } = editing;
  const at = problem.node === null ? undefined : indexOf(store.doc).get(problem.node);
  const fix =
    problem.fix && at !== undefined
      ? {
          ...problem.fix,
          changes: problem.fix.changes.map((one) => ({
            ...one,
            path: one.path.replace(/^\/nodes\/\d+(?=\/|$)/, `/nodes/${at}`),
          })),
        }
      : problem.fix;
  store.endMerging();
  performVerb(editing, applyFix({ ...problem, fix }));
  store.endMerging();
}

function saidOf(editing: Editing, problem: Problem): Said {
  return {
    message: problem.message,
    severity: problem.severity,
    line: problem.line,
    span: problem.span,
    fix: problem.fix && { label: problem.fix.label, apply: () => repair(editing, problem) },
  };
}

export const pathKey = (path: Path): string => JSON.stringify(path);

/** Problems by the field that shows them; made anew when the problems or the value are others. */
class Sayings {
  private problems: readonly Problem[] | null = null;
  private value: Json | undefined;
  private check = "";
  private byPlace = new Map<string, readonly Said[]>();

  constructor(
    private readonly editing: Editing,
    private readonly ask: () => {
      problems: readonly Problem[];
      value: Json | undefined;
      instant: () => readonly Instant[];
    },
    private readonly place: (problem: Problem) => Path,
  ) {}

  at(path: Path): readonly Said[] {
    const { problems, value, instant } = this.ask();
    const { check } = this.editing.store;
    if (problems !== this.problems || value !== this.value || check !== this.check) {
      this.problems = problems;
      this.value = value;
      this.check = check;
      const made = new Map<string, Said[]>();
      for (const problem of problems) {
        const key = pathKey(this.place(problem));
        made.set(key, [...(made.get(key) ?? []), saidOf(this.editing, problem)]);
      }
      // The server's answer is on its way, or there is none: what can be told at once, and is not told already.
      if (check !== "checked") {
        for (const fault of instant()) {
          const key = pathKey(fault.path);
          if (!made.has(key))
            made.set(key, [{ message: fault.message, severity: "error", line: null, span: null, fix: null }]);
        }
      }
      const before = this.byPlace;
      this.byPlace = new Map([...made].map(([key, said]) => [key, kept(before.get(key), said)]));
    }
    return this.byPlace.get(pathKey(path)) ?? NOTHING;
  }
}

/** The list as it was, when it says the same: nothing is drawn again for an answer that repeats itself. Repairs are
 * taken from the newer one. */
function kept(before: readonly Said[] | undefined, after: readonly Said[]): readonly Said[] {
  const same =
    before?.length === after.length &&
    before.every(
      (one, at) =>
        one.message === after[at]?.message &&
        one.line === after[at]?.line &&
        isEqual((one.span ?? null) as Json, (after[at]?.span ?? null) as Json) &&
        !one.fix &&
        !after[at]?.fix,
    );
  return same ? before : after;
}

/** The highest place that is to be taken away when the value at `path` goes: objects that only held it go with it. */
function emptied(root: Json | undefined, path: Path, keep: number): Path {
  let cut = path;
  while (cut.length - 1 > keep) {
    const above = valueAt(root, cut.slice(0, -1));
    if (!isObject(above) || Object.keys(above).some((key) => key !== cut.at(-1))) break;
    cut = cut.slice(0, -1);
  }
  return cut;
}

/** Places that stay though they are empty: ["config"]; ["policy"] goes. */
const keptDepth = (path: Path): number => (path[0] === "config" ? 1 : 0);

export const mergeWord = (node: string, path: Path): string => `set ${node} ${path.join(".")}`;

function setChange(node: DocNode, path: Path, value: Json | undefined): Change {
  return {
    kind: "set",
    node: node.id,
    path: value === undefined ? emptied(node as JsonObject, path, keptDepth(path)) : path,
    value,
  };
}

/** Tabs and fields of one node. `schema`: of its config; null: its type is not known. */
export class NodeScope implements Scope {
  readonly key: string;
  private readonly sayings: Sayings;

  constructor(
    private readonly editing: Editing,
    readonly node: string,
    private readonly schema: JsonObject | null,
  ) {
    const { store } = editing;
    this.key = "node";
    const known = (): DocNode | undefined => nodeOf(store.doc, this.node);
    this.sayings = new Sayings(
      editing,
      () => {
        const here = known();
        return {
          problems: store.problemsOf(this.node),
          value: here as Json | undefined,
          instant: () =>
            schema && here
              ? instantFaults(schema, configOf(here)).map((fault) => ({
                  ...fault,
                  path: ["config", ...placeOf(schema, fault.path)],
                }))
              : [],
        };
      },
      (problem) => this.placeOf(problemField(problem)),
    );
  }

  /** The field that shows what is said about a path of the node. */
  placeOf(path: Path): Path {
    const [first, second] = path;
    if (first === "config" && this.schema) {
      const place = placeOf(this.schema, path.slice(1));
      return place.length ? ["config", ...place] : [];
    }
    if (first === "policy" && typeof second === "string") return ["policy", second];
    return first === "name" || first === "notes" ? [first] : [];
  }

  read(path: Path): Found {
    const node = nodeOf(this.editing.store.doc, this.node);
    return node && valueAt(node as JsonObject, path);
  }

  write(path: Path, value: Json | undefined, what: string): void {
    const { store } = this.editing;
    const node = nodeOf(store.doc, this.node);
    if (!node || isEqual(valueAt(node as JsonObject, path), value)) return;
    store.edit(setChange(node, path, value), {
      label: fill(gettext("Edit {field} of {name}"), { field: what, name: visible(nameOf(node)) }),
      mergeKey: mergeWord(node.id, path),
    });
  }

  said(path: Path): readonly Said[] {
    return this.sayings.at(path);
  }
}

/** One field of many nodes: what they have in common is shown, and written to all of them at once. */
export class NodesScope implements Scope {
  readonly key = "nodes";
  private doc: Doc["nodes"] | null = null;
  private found = new Map<string, Found>();

  constructor(
    private readonly editing: Editing,
    private readonly nodes: () => ReadonlySet<string>,
  ) {}

  private all(): DocNode[] {
    const { doc } = this.editing.store;
    return [...this.nodes()].flatMap((id) => nodeOf(doc, id) ?? []);
  }

  read(path: Path): Found {
    const { doc } = this.editing.store;
    if (doc.nodes !== this.doc) {
      this.doc = doc.nodes;
      this.found = new Map();
    }
    const key = pathKey(path);
    if (this.found.has(key)) return this.found.get(key);
    const nodes = this.all();
    const first = valueAt(nodes[0] as JsonObject | undefined, path);
    const common = nodes.every((node) => isEqual(valueAt(node as JsonObject, path), first)) ? first : MIXED;
    this.found.set(key, common);
    return common;
  }

  write(path: Path, value: Json | undefined, what: string): void {
    const chosen = this.nodes();
    const { doc } = this.editing.store;
    let differ = false;
    // One change for all of them: a change for each would copy the list as often as it has nodes.
    const nodes = doc.nodes.map((node) => {
      if (!chosen.has(node.id) || isEqual(valueAt(node as JsonObject, path), value)) return node;
      differ = true;
      return withValue(
        node as JsonObject,
        value === undefined ? emptied(node as JsonObject, path, keptDepth(path)) : path,
        value,
      ) as unknown as DocNode;
    });
    if (!differ) return;
    const n = chosen.size;
    this.editing.store.edit(
      { kind: "replace", doc: { ...doc, nodes } },
      {
        label: fill(ngettext("Edit {field} of {n} node", "Edit {field} of {n} nodes", n), { field: what, n: count(n) }),
        mergeKey: mergeWord("chosen", path),
      },
    );
  }

  said(): readonly Said[] {
    return NOTHING;
  }
}

/** Settings and inputs of the workflow. */
export class WorkflowScope implements Scope {
  readonly key = "workflow";
  private readonly sayings: Sayings;

  constructor(private readonly editing: Editing) {
    const { store } = editing;
    let all: readonly Problem[] = [];
    let own: readonly Problem[] = [];
    this.sayings = new Sayings(
      editing,
      () => {
        if (store.problems !== all) {
          all = store.problems;
          own = all.filter((problem) => problem.node === null && !/^(?:nodes|edges)\[/.test(problem.path));
        }
        return { problems: own, value: undefined, instant: () => [] };
      },
      (problem) => this.placeOf(workflowField(problem)),
    );
  }

  placeOf(path: Path): Path {
    if (path[0] === "settings" && typeof path[1] === "string") return path.slice(0, 2);
    if (path[0] === "inputs")
      return path[1] === "properties" && typeof path[2] === "string" ? path.slice(0, 3) : ["inputs"];
    return [];
  }

  read(path: Path): Found {
    return valueAt(this.editing.store.doc as unknown as JsonObject, path);
  }

  write(path: Path, value: Json | undefined, what: string): void {
    const { store } = this.editing;
    const whole = store.doc as unknown as JsonObject;
    if (isEqual(valueAt(whole, path), value)) return;
    // An input that says nothing about itself is one all the same.
    const at = value === undefined ? emptied(whole, path, path[0] === "inputs" ? 3 : 0) : path;
    store.edit(
      { kind: "workflow", path: at, value },
      { label: fill(gettext("Edit {field}"), { field: what }), mergeKey: `workflow ${path.join(".")}` },
    );
  }

  said(path: Path): readonly Said[] {
    return this.sayings.at(path);
  }
}

/** Path of a problem of the workflow: "inputs.properties.month" and the like. */
function workflowField(problem: Problem): Path {
  return problemField({ ...problem, path: `nodes[0].${problem.path}` });
}

export const schemaOf = (editing: Editing, node: DocNode): JsonObject | null =>
  editing.facts.types.get(typeOf(node))?.config ?? null;

/** The usual duration of the node that is shown; null: not known, or there are several. */
export function useLearned(): number | null {
  const { known } = useSurroundings();
  const scope = useScope();
  return useSyncExternalStore(known.listen, () => (scope instanceof NodeScope ? known.learned(scope.node) : null));
}
