/** All changes that can be made to a document, as data, and the function that applies them. Pure.
 *
 * A change to something that does not exist has no effect. Parts that a change does not touch stay the same objects, so
 * that comparing two documents by identity shows what differs.
 */

import { isObject, type Json, type JsonObject } from "../json";
import type { Position } from "../graph/model";

import {
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  indexOf,
  positionOf,
  readDocument,
  shareIndex,
} from "./document";
import { applyPatch, type Operation } from "./patch";

export type Path = readonly (string | number)[];

export type Change =
  /** Adds nodes and edges; those whose id or key exists already, or comes twice, are left out. */
  | { readonly kind: "add"; readonly nodes: readonly DocNode[]; readonly edges: readonly DocEdge[] }
  /** Removes nodes, the edges at them, and edges by edgeKey. */
  | { readonly kind: "remove"; readonly nodes: readonly string[]; readonly edges: readonly string[] }
  | { readonly kind: "move"; readonly to: ReadonlyMap<string, Position> }
  /** Sets a field of a node: ["config", "sql"], ["policy", "retries"], ["name"]. Undefined removes it. */
  | { readonly kind: "set"; readonly node: string; readonly path: Path; readonly value: Json | undefined }
  /** Changes the id of a node and the ends of its edges; `renameChanges` in references.ts adapts everything else that names
   * it. `chosen`: the author typed this id, so that it no longer follows the node's name. */
  | { readonly kind: "rename"; readonly node: string; readonly id: string; readonly chosen?: boolean }
  /** Sets a field of an edge; undefined removes it. */
  | {
      readonly kind: "set_edge";
      readonly edge: string;
      readonly field: "source_port" | "target_port" | "order";
      readonly value: string | true | undefined;
    }
  /** Replaces an edge by one with other ends. */
  | { readonly kind: "replace_edge"; readonly edge: string; readonly by: DocEdge }
  /** Sets a field of the document other than nodes and edges: ["settings", "priority"], ["inputs"]. */
  | { readonly kind: "workflow"; readonly path: Path; readonly value: Json | undefined }
  /** Applies a JSON Patch (RFC 6902): the fix of a problem. */
  | { readonly kind: "patch"; readonly operations: readonly Operation[] }
  /** Replaces the whole document: by another version, or by edited text. */
  | { readonly kind: "replace"; readonly doc: Doc };

export function reduce(doc: Doc, change: Change): Doc {
  switch (change.kind) {
    case "add":
      return add(doc, change.nodes, change.edges);
    case "remove":
      return remove(doc, new Set(change.nodes), new Set(change.edges));
    case "move":
      return withNodes(doc, change.to.keys(), (node) => withPosition(node, change.to.get(node.id)));
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
      return isObject(patched) ? (readDocument(patched) ?? doc) : doc;
    }
    case "replace":
      return change.doc;
  }
}

function add(doc: Doc, nodes: readonly DocNode[], edges: readonly DocEdge[]): Doc {
  const newNodes = newItems(nodes, (node) => node.id, indexOf(doc));
  const newEdges = newItems(edges, edgeKey, new Set(edges.length ? doc.edges.map(edgeKey) : []));
  if (!newNodes.length && !newEdges.length) return doc;
  return {
    ...doc,
    nodes: newNodes.length ? [...doc.nodes, ...newNodes] : doc.nodes,
    edges: newEdges.length ? [...doc.edges, ...newEdges] : doc.edges,
  };
}

/** Returns the items whose key is new and has not occurred earlier in the list. */
function newItems<T>(list: readonly T[], keyOf: (one: T) => string, known: { has(key: string): boolean }): T[] {
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
  if (!renamed) shareIndex(doc.nodes, nodes);
  return { ...doc, nodes };
}

function withPosition(node: DocNode, to: Position | undefined): DocNode {
  const at = positionOf(node);
  return !to || (at && at.x === to.x && at.y === to.y) ? node : { ...node, position: { x: to.x, y: to.y } };
}

/** Changes all edges with this key; edges that become equal to another one are removed. */
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

/** Returns a copy with the value at the path replaced; undefined removes it. Returns the same object when nothing differs.
 *
 * Missing objects on the path are created; in a list only existing items and one more can be set. Objects that become
 * empty are removed: `policy` and `settings` themselves, and objects inside them and inside `config`. An empty `config`
 * stays.
 */
export function withValue(value: JsonObject, path: Path, to: Json | undefined): JsonObject {
  const drops = path[0] === "policy" || path[0] === "settings" ? 1 : path[0] === "config" ? 2 : Infinity;
  return setAt(value, path, to, 0, drops) as JsonObject;
}

const INDEX = /^(0|[1-9][0-9]*)$/;

/** `drops`: from this depth on objects that became empty go. */
function setAt(
  value: Json | undefined,
  path: Path,
  to: Json | undefined,
  depth: number,
  dropFrom: number,
): Json | undefined {
  const key = path[depth];
  // Compare as text: the order of fields counts, too.
  if (key === undefined) return JSON.stringify(value) === JSON.stringify(to) ? value : to;
  if (Array.isArray(value)) {
    const at = typeof key === "number" ? key : INDEX.test(key) ? Number(key) : -1;
    if (at < 0 || at > value.length || (at === value.length && to === undefined)) return value;
    const next = setAt(value[at], path, to, depth + 1, dropFrom);
    if (next === value[at]) return value;
    const copy = value.slice();
    if (next === undefined) copy.splice(at, 1);
    else copy[at] = next;
    return copy;
  }
  const object = isObject(value) ? value : undefined;
  const name = String(key);
  const inner = object && Object.hasOwn(object, name) ? object[name] : undefined;
  if (inner === undefined && to === undefined) return value;
  let next = setAt(inner, path, to, depth + 1, dropFrom);
  if (next === inner) return value;
  if (
    to === undefined &&
    depth + 1 >= dropFrom &&
    path.length > depth + 1 &&
    isObject(next) &&
    !Object.keys(next).length
  )
    next = undefined;
  const copy: JsonObject = { ...object };
  if (next === undefined) delete copy[name];
  // An assignment would treat the key "__proto__" differently.
  else Object.defineProperty(copy, name, { value: next, writable: true, enumerable: true, configurable: true });
  return copy;
}
