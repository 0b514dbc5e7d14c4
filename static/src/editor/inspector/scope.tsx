/** Scopes: what the fields of the inspector read and write. A scope is one node, several nodes, or the workflow. */

import { isObject, type Json, type JsonObject, isEqual } from "../../json";
import { createContext, useContext, useEffect, useSyncExternalStore } from "react";
import { type Change, type Path, withValue } from "../../document/changes";
import { configOf, type Doc, type DocNode, nameOf, nodeOf, typeOf } from "../../document/document";

import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import type { Editing } from "../parts";
import { problemField, type Problem } from "../../document/problems";
import type { EditorStore } from "../../document/store";
import { type FieldProblem, NO_PROBLEMS, pathKey, ProblemsByField } from "./field-problems";
import type { FocusRequests } from "./focus-requests";
import type { NodeFacts } from "./node-facts";
import { placeOf } from "./schema";
import { instantFaults, valueAt } from "./validator";

/** The value of a field that differs between the selected nodes. */
export const MIXED = Symbol("mixed");
export type FieldValue = Json | undefined | typeof MIXED;

interface Scope {
  /** The prefix of the ids of its fields. */
  readonly key: string;
  read(path: Path): FieldValue;
  /** Writes a value; undefined removes the field. `what` is the name of the field in "Undo ...". */
  write(path: Path, value: Json | undefined, what: string): void;
  /** Returns the problems of one field, for the empty path those of no field. The list stays the same object while it
   * does not change. */
  problemsAt(path: Path): readonly FieldProblem[];
}

export interface Surroundings {
  readonly editing: Editing;
  readonly listen: (listener: () => void) => () => void;
  readonly focusRequests: FocusRequests;
  readonly nodeFacts: NodeFacts;
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

/** Returns a part of the store; the component renders again when `read` returns another object. */
export function useStore<T>(read: (store: EditorStore) => T): T {
  const { editing, listen } = useSurroundings();
  return useSyncExternalStore(listen, () => read(editing.store));
}

export function useValue(path: Path): FieldValue {
  const { listen } = useSurroundings();
  const scope = useScope();
  return useSyncExternalStore(listen, () => scope.read(path));
}

export function useFieldProblems(path: Path): readonly FieldProblem[] {
  const { listen } = useSurroundings();
  const scope = useScope();
  return useSyncExternalStore(listen, () => scope.problemsAt(path));
}

/** Calls `focus` when the focus is requested for this field. */
export function useFocusRequest(path: Path, focus: (line: number | null) => void): void {
  const { focusRequests } = useSurroundings();
  const request = useSyncExternalStore(focusRequests.listen, focusRequests.current);
  useEffect(() => {
    if (!request || !isEqual(request.path as Json[], path as Json[])) return;
    const late = focusRequests.isLate;
    focusRequests.done();
    if (!late) focus(request.line);
  });
}

/** Returns the path to remove when the value at `path` is removed: an object that would be empty is removed with it. */
function emptied(root: Json | undefined, path: Path, keep: number): Path {
  let cut = path;
  while (cut.length - 1 > keep) {
    const above = valueAt(root, cut.slice(0, -1));
    if (!isObject(above) || Object.keys(above).some((key) => key !== cut.at(-1))) break;
    cut = cut.slice(0, -1);
  }
  return cut;
}

/** Returns the depth of the objects that stay when they are empty: `config` stays, `policy` does not. */
const minimumDepth = (path: Path): number => (path[0] === "config" ? 1 : 0);

const mergeKeyOf = (node: string, path: Path): string => `set ${node} ${path.join(".")}`;

function setChange(node: DocNode, path: Path, value: Json | undefined): Change {
  return {
    kind: "set",
    node: node.id,
    path: value === undefined ? emptied(node as JsonObject, path, minimumDepth(path)) : path,
    value,
  };
}

/** The fields of one node. `schema`: the schema of its config; null: its type is unknown. */
export class NodeScope implements Scope {
  readonly key: string;
  private readonly problems: ProblemsByField;

  constructor(
    private readonly editing: Editing,
    readonly node: string,
    private readonly schema: JsonObject | null,
  ) {
    const { store } = editing;
    this.key = "node";
    const current = (): DocNode | undefined => nodeOf(store.doc, this.node);
    this.problems = new ProblemsByField(
      editing,
      () => {
        const here = current();
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

  /** Returns the path of the field that shows the problems of `path`; empty: no field shows them. */
  placeOf(path: Path): Path {
    const [first, second] = path;
    if (first === "config" && this.schema) {
      const place = placeOf(this.schema, path.slice(1));
      return place.length ? ["config", ...place] : [];
    }
    if (first === "policy" && typeof second === "string") return ["policy", second];
    return first === "name" || first === "notes" ? [first] : [];
  }

  read(path: Path): FieldValue {
    const node = nodeOf(this.editing.store.doc, this.node);
    return node && valueAt(node as JsonObject, path);
  }

  write(path: Path, value: Json | undefined, what: string): void {
    const { store } = this.editing;
    const node = nodeOf(store.doc, this.node);
    if (!node || isEqual(valueAt(node as JsonObject, path), value)) return;
    store.edit(setChange(node, path, value), {
      label: fill(gettext("Edit {field} of {name}"), { field: what, name: visible(nameOf(node)) }),
      mergeKey: mergeKeyOf(node.id, path),
    });
  }

  problemsAt(path: Path): readonly FieldProblem[] {
    return this.problems.at(path);
  }
}

/** The fields of several nodes: a value is shown where it is common to all, and written to all of them in one edit. */
export class NodesScope implements Scope {
  readonly key = "nodes";
  private doc: Doc["nodes"] | null = null;
  private found = new Map<string, FieldValue>();

  constructor(
    private readonly editing: Editing,
    private readonly nodes: () => ReadonlySet<string>,
  ) {}

  private all(): DocNode[] {
    const { doc } = this.editing.store;
    return [...this.nodes()].flatMap((id) => nodeOf(doc, id) ?? []);
  }

  read(path: Path): FieldValue {
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
    // One change for all nodes: one per node would copy the list of nodes each time.
    const nodes = doc.nodes.map((node) => {
      if (!chosen.has(node.id) || isEqual(valueAt(node as JsonObject, path), value)) return node;
      differ = true;
      return withValue(
        node as JsonObject,
        value === undefined ? emptied(node as JsonObject, path, minimumDepth(path)) : path,
        value,
      ) as unknown as DocNode;
    });
    if (!differ) return;
    const n = chosen.size;
    this.editing.store.edit(
      { kind: "replace", doc: { ...doc, nodes } },
      {
        label: fill(ngettext("Edit {field} of {n} node", "Edit {field} of {n} nodes", n), { field: what, n: count(n) }),
        mergeKey: mergeKeyOf("chosen", path),
      },
    );
  }

  problemsAt(): readonly FieldProblem[] {
    return NO_PROBLEMS;
  }
}

/** Settings and inputs of the workflow. */
export class WorkflowScope implements Scope {
  readonly key = "workflow";
  private readonly problems: ProblemsByField;

  constructor(private readonly editing: Editing) {
    const { store } = editing;
    let all: readonly Problem[] = [];
    let own: readonly Problem[] = [];
    this.problems = new ProblemsByField(
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

  read(path: Path): FieldValue {
    return valueAt(this.editing.store.doc as unknown as JsonObject, path);
  }

  write(path: Path, value: Json | undefined, what: string): void {
    const { store } = this.editing;
    const whole = store.doc as unknown as JsonObject;
    if (isEqual(valueAt(whole, path), value)) return;
    // An input stays when its description is empty.
    const at = value === undefined ? emptied(whole, path, path[0] === "inputs" ? 3 : 0) : path;
    store.edit(
      { kind: "workflow", path: at, value },
      { label: fill(gettext("Edit {field}"), { field: what }), mergeKey: `workflow ${path.join(".")}` },
    );
  }

  problemsAt(path: Path): readonly FieldProblem[] {
    return this.problems.at(path);
  }
}

/** Returns the path of a problem of the workflow, for example `inputs.properties.month`. */
function workflowField(problem: Problem): Path {
  return problemField({ ...problem, path: `nodes[0].${problem.path}` });
}

export const schemaOf = (editing: Editing, node: DocNode): JsonObject | null =>
  editing.facts.types.get(typeOf(node))?.config ?? null;

/** Returns the median duration of the shown node in seconds; null: it is unknown, or several nodes are shown. */
export function useMedianDuration(): number | null {
  const { nodeFacts } = useSurroundings();
  const scope = useScope();
  return useSyncExternalStore(nodeFacts.listen, () =>
    scope instanceof NodeScope ? nodeFacts.medianDuration(scope.node) : null,
  );
}
