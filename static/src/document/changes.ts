/** Everything that an author can do to a document, as typed changes, and the one function that applies them. Pure.
 *
 * A change that names what is not there does nothing. What a change does not touch stays the same object, so that whoever
 * looks at two documents sees at once what differs.
 */

import type { Position } from "../graph/model";
import type { Json, JsonObject } from "../live/protocol";
import {
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  indexOf,
  isObject,
  positionOf,
  readDocument,
  sameIds,
} from "./document";
import { applyPatch, type Operation } from "./patch";

export type Path = readonly (string | number)[];

export type Change =
  /** New nodes and edges; ids that are taken and edges that are there are left out, also when the change itself takes them. */
  | { readonly kind: "add"; readonly nodes: readonly DocNode[]; readonly edges: readonly DocEdge[] }
  /** Takes nodes and edges (by edgeKey) away, and the edges at those nodes. */
  | { readonly kind: "remove"; readonly nodes: readonly string[]; readonly edges: readonly string[] }
  | { readonly kind: "move"; readonly to: ReadonlyMap<string, Position> }
  /** Sets a field of a node: ["config", "sql"], ["policy", "retries"], ["name"]. Undefined takes it away. */
  | { readonly kind: "set"; readonly node: string; readonly path: Path; readonly value: Json | undefined }
  /** Another id for a node, and for the ends of its edges; what else names it follows by `renameChanges` (references.ts).
   * `chosen`: a person chose this very id, which then follows no name. */
  | { readonly kind: "rename"; readonly node: string; readonly id: string; readonly chosen?: boolean }
  /** Fields of an edge: source_port, target_port. Undefined takes one away. */
  | {
      readonly kind: "set_edge";
      readonly edge: string;
      readonly field: "source_port" | "target_port";
      readonly value: string | undefined;
    }
  /** Another edge in the place of one: a wire that was led elsewhere. */
  | { readonly kind: "replace_edge"; readonly edge: string; readonly by: DocEdge }
  /** Sets a field of the document beside nodes and edges: ["settings", "priority"], ["inputs"]. */
  | { readonly kind: "workflow"; readonly path: Path; readonly value: Json | undefined }
  /** A JSON Patch (RFC 6902) on the document: the repair of a problem. */
  | { readonly kind: "patch"; readonly operations: readonly Operation[] }
  /** Another document: a version that is started from, text that was edited. */
  | { readonly kind: "replace"; readonly doc: Doc };

export function reduce(doc: Doc, change: Change): Doc {
  switch (change.kind) {
    case "add":
      return add(doc, change.nodes, change.edges);
    case "remove":
      return remove(doc, new Set(change.nodes), new Set(change.edges));
    case "move":
      return withNodes(doc, change.to.keys(), (node) => moved(node, change.to.get(node.id)));
    case "set":
      return change.path.length
        ? withNodes(
            doc,
            [change.node],
            (node) => withValue(node as JsonObject, change.path, change.value) as unknown as DocNode,
          )
        : doc;
    case "rename":
      return rename(doc, change.node, change.id);
    case "set_edge":
      return withEdge(
        doc,
        change.edge,
        (edge) => withValue(edge as JsonObject, [change.field], change.value) as unknown as DocEdge,
      );
    case "replace_edge":
      return withEdge(doc, change.edge, () => change.by);
    case "workflow":
      if (!change.path.length || change.path[0] === "nodes" || change.path[0] === "edges") return doc;
      return withValue(doc as unknown as JsonObject, change.path, change.value) as unknown as Doc;
    case "patch": {
      const patched = applyPatch(doc as unknown as JsonObject, change.operations);
      return (patched && isObject(patched) && readDocument(patched)) || doc;
    }
    case "replace":
      return change.doc;
  }
}

function add(doc: Doc, nodes: readonly DocNode[], edges: readonly DocEdge[]): Doc {
  const newNodes = unlike(nodes, (node) => node.id, indexOf(doc));
  const newEdges = unlike(edges, edgeKey, new Set(edges.length ? doc.edges.map(edgeKey) : []));
  if (!newNodes.length && !newEdges.length) return doc;
  return {
    ...doc,
    nodes: newNodes.length ? [...doc.nodes, ...newNodes] : doc.nodes,
    edges: newEdges.length ? [...doc.edges, ...newEdges] : doc.edges,
  };
}

/** Those of a list whose key is neither known nor that of one before. */
function unlike<T>(list: readonly T[], keyOf: (one: T) => string, known: { has(key: string): boolean }): T[] {
  const before = new Set<string>();
  return list.filter((one) => {
    const key = keyOf(one);
    const isNew = !known.has(key) && !before.has(key);
    before.add(key);
    return isNew;
  });
}

function remove(doc: Doc, nodes: ReadonlySet<string>, edges: ReadonlySet<string>): Doc {
  const left = doc.nodes.filter((node) => !nodes.has(node.id));
  const edgesLeft = doc.edges.filter(
    (edge) => !nodes.has(edge.source) && !nodes.has(edge.target) && !(edges.size && edges.has(edgeKey(edge))),
  );
  if (left.length === doc.nodes.length && edgesLeft.length === doc.edges.length) return doc;
  return {
    ...doc,
    nodes: left.length === doc.nodes.length ? doc.nodes : left,
    edges: edgesLeft.length === doc.edges.length ? doc.edges : edgesLeft,
  };
}

function withNodes(doc: Doc, ids: Iterable<string>, change: (node: DocNode) => DocNode): Doc {
  const index = indexOf(doc);
  let nodes: DocNode[] | null = null;
  let renamed = false;
  for (const id of ids) {
    const at = index.get(id);
    const node = at === undefined ? undefined : doc.nodes[at];
    if (at === undefined || !node) continue;
    const next = change(node);
    if (next === node) continue;
    nodes ??= doc.nodes.slice();
    nodes[at] = next;
    renamed ||= next.id !== id;
  }
  if (!nodes) return doc;
  if (!renamed) sameIds(doc.nodes, nodes);
  return { ...doc, nodes };
}

function moved(node: DocNode, to: Position | undefined): DocNode {
  const at = positionOf(node);
  return !to || (at && at.x === to.x && at.y === to.y) ? node : { ...node, position: { x: to.x, y: to.y } };
}

/** Edges that say the same all change; one that would then say what another says already goes. */
function withEdge(doc: Doc, key: string, change: (edge: DocEdge) => DocEdge): Doc {
  let touched = false;
  const edges: DocEdge[] = [];
  const becomes = new Set<string>();
  for (const edge of doc.edges) {
    const next = edgeKey(edge) === key ? change(edge) : edge;
    if (next !== edge) {
      touched = true;
      becomes.add(edgeKey(next));
    }
    edges.push(next);
  }
  if (!touched) return doc;
  const seen = new Set<string>();
  const left = edges.filter((edge) => {
    const its = edgeKey(edge);
    if (!becomes.has(its)) return true;
    if (seen.has(its)) return false;
    seen.add(its);
    return true;
  });
  return { ...doc, edges: left };
}

function rename(doc: Doc, from: string, to: string): Doc {
  if (from === to || !indexOf(doc).has(from) || indexOf(doc).has(to)) return doc;
  const renamed = withNodes(doc, [from], (node) => ({ ...node, id: to }));
  const end = (id: string): string => (id === from ? to : id);
  return {
    ...renamed,
    edges: doc.edges.map((edge) =>
      edge.source === from || edge.target === from
        ? { ...edge, source: end(edge.source), target: end(edge.target) }
        : edge,
    ),
  };
}

/** A copy in which the value at the path is another one; undefined takes it away. The same object when nothing differs.
 *
 * What the path leads through is made where it is missing; of a list only what is there, and one more, can be set. An
 * object that says nothing without its last field goes with it: `policy` and `settings` themselves, and objects inside
 * them and inside `config`. An empty `config` stays.
 */
export function withValue(value: JsonObject, path: Path, to: Json | undefined): JsonObject {
  const drops = path[0] === "policy" || path[0] === "settings" ? 1 : path[0] === "config" ? 2 : Infinity;
  return changed(value, path, to, 0, drops) as JsonObject;
}

const INDEX = /^(0|[1-9][0-9]*)$/;

/** `drops`: from this depth on objects that became empty go. */
function changed(
  value: Json | undefined,
  path: Path,
  to: Json | undefined,
  depth: number,
  drops: number,
): Json | undefined {
  const key = path[depth];
  if (key === undefined) return same(value, to) ? value : to;
  if (Array.isArray(value)) {
    const at = typeof key === "number" ? key : INDEX.test(key) ? Number(key) : -1;
    if (at < 0 || at > value.length || (at === value.length && to === undefined)) return value;
    const next = changed(value[at], path, to, depth + 1, drops);
    if (next === value[at]) return value;
    const copy = value.slice();
    if (next === undefined) copy.splice(at, 1);
    else copy[at] = next;
    return copy;
  }
  const whole = isObject(value) ? value : undefined;
  const name = String(key);
  const inner = whole && Object.hasOwn(whole, name) ? whole[name] : undefined;
  if (inner === undefined && to === undefined) return value;
  let next = changed(inner, path, to, depth + 1, drops);
  if (next === inner) return value;
  if (to === undefined && depth + 1 >= drops && path.length > depth + 1 && isObject(next) && !Object.keys(next).length)
    next = undefined;
  const copy: JsonObject = { ...whole };
  if (next === undefined) delete copy[name];
  // "__proto__" is a key like any other.
  else Object.defineProperty(copy, name, { value: next, writable: true, enumerable: true, configurable: true });
  return copy;
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (typeof a === "object" && typeof b === "object" && JSON.stringify(a) === JSON.stringify(b));
}
