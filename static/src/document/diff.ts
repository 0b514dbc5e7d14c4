/** The changes between two documents, node by node and field by field. Pure; quick where most nodes are untouched. */

import { isObject, type Json, isEqual } from "../json";

import type { Path } from "./changes";
import { type Doc, type DocEdge, type DocNode, edgeKey, indexOf, onlyOrders } from "./document";

export type DocumentChange =
  | { readonly kind: "added"; readonly node: DocNode }
  | { readonly kind: "removed"; readonly node: DocNode }
  /** `fields`: paths of the fields that differ, without the position; of config and policy the fields inside them. */
  | { readonly kind: "changed"; readonly node: DocNode; readonly was: DocNode; readonly fields: readonly Path[] }
  /** Nodes of which only the position differs. */
  | { readonly kind: "moved"; readonly nodes: readonly DocNode[]; readonly were: readonly DocNode[] }
  | { readonly kind: "connected"; readonly edge: DocEdge }
  | { readonly kind: "disconnected"; readonly edge: DocEdge }
  /** The edge only orders now, or hands its value on again. */
  | { readonly kind: "reordered"; readonly edge: DocEdge; readonly was: DocEdge }
  /** A field of the workflow: a setting, an input. */
  | { readonly kind: "workflow"; readonly path: Path; readonly was: Json | undefined; readonly now: Json | undefined };

/** Lists changes of nodes in document order, removed nodes, edges, then fields of the workflow. Edges of nodes that were
 * added or removed are left out. */
export function changesBetween(before: Doc, after: Doc): DocumentChange[] {
  if (before === after) return [];
  const were = indexOf(before);
  const are = indexOf(after);
  const found: DocumentChange[] = [];
  const moved: DocNode[] = [];
  const stood: DocNode[] = [];
  for (const node of after.nodes) {
    const was = before.nodes[were.get(node.id) ?? -1];
    if (!was) found.push({ kind: "added", node });
    else if (was !== node) {
      const { fields, place } = fieldDifference(was, node);
      if (fields.length) found.push({ kind: "changed", node, was, fields });
      else if (place) {
        moved.push(node);
        stood.push(was);
      }
    }
  }
  for (const node of before.nodes) if (!are.has(node.id)) found.push({ kind: "removed", node });
  if (before.edges !== after.edges) {
    const both = (edge: DocEdge): boolean =>
      were.has(edge.source) && were.has(edge.target) && are.has(edge.source) && are.has(edge.target);
    // Most are the same objects; only the others are compared by key.
    const others = (edges: readonly DocEdge[], known: ReadonlySet<DocEdge>): DocEdge[] =>
      edges.filter((edge) => !known.has(edge) && both(edge));
    const came = others(after.edges, new Set(before.edges));
    const went = others(before.edges, new Set(after.edges));
    const keysBefore = new Map(went.map((edge) => [edgeKey(edge), edge]));
    const keysAfter = new Set(came.map(edgeKey));
    for (const edge of came) {
      const was = keysBefore.get(edgeKey(edge));
      if (!was) found.push({ kind: "connected", edge });
      else if (onlyOrders(was) !== onlyOrders(edge)) found.push({ kind: "reordered", edge, was });
    }
    for (const edge of went) if (!keysAfter.has(edgeKey(edge))) found.push({ kind: "disconnected", edge });
  }
  for (const path of workflowFields(before, after))
    found.push({ kind: "workflow", path, was: valueAt(before as Json, path), now: valueAt(after as Json, path) });
  if (moved.length) found.push({ kind: "moved", nodes: moved, were: stood });
  return found;
}

interface FieldDifference {
  readonly fields: readonly Path[];
  readonly place: boolean;
}

const lastDifferences = new WeakMap<DocNode, { readonly was: DocNode; readonly fields: FieldDifference }>();

/** Compares two nodes; the last result for each node is cached, because an edit changes one of them and all are compared. */
function fieldDifference(was: DocNode, node: DocNode): FieldDifference {
  const last = lastDifferences.get(node);
  if (last?.was === was) return last.fields;
  const fields: Path[] = [];
  let place = false;
  for (const key of keysOf(was, node)) {
    const [one, other] = [was[key], node[key]];
    if (isEqual(one, other)) continue;
    if (key === "position") place = true;
    else if ((key === "config" || key === "policy") && (isObject(one) || isObject(other)))
      fields.push(...innerPaths(one, other, [key]));
    else fields.push([key]);
  }
  const made = { fields, place };
  lastDifferences.set(node, { was, fields: made });
  return made;
}

function innerPaths(one: Json | undefined, other: Json | undefined, path: Path): Path[] {
  const [a, b] = [isObject(one) ? one : {}, isObject(other) ? other : {}];
  const found = keysOf(a, b)
    .filter((key) => !isEqual(a[key], b[key]))
    .map((key) => [...path, key]);
  // No field differs when one is not an object, or is empty while the other is missing.
  return found.length ? found : [path];
}

const keysOf = (a: object, b: object): string[] => [...new Set([...Object.keys(a), ...Object.keys(b)])];

function workflowFields(before: Doc, after: Doc): Path[] {
  const found: Path[] = [];
  for (const key of keysOf(before, after)) {
    const [one, other] = [before[key] as Json | undefined, after[key] as Json | undefined];
    if (key === "nodes" || key === "edges" || one === other || isEqual(one, other)) continue;
    if (key !== "inputs") {
      found.push(...(isObject(one) || isObject(other) ? innerPaths(one, other, [key]) : [[key]]));
      continue;
    }
    for (const path of innerPaths(one, other, [key])) {
      if (path[1] !== "properties") found.push(path);
      else found.push(...innerPaths(valueAt(one, ["properties"]), valueAt(other, ["properties"]), path));
    }
  }
  return found;
}

export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path)
    at =
      isObject(at) && Object.hasOwn(at, String(key))
        ? at[String(key)]
        : Array.isArray(at)
          ? at[Number(key)]
          : undefined;
  return at;
}
