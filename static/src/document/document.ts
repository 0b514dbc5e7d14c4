/** The document that the editor edits: the definition's JSON itself, never changed in place. Pure.
 *
 * A draft may be any JSON object. A `Doc` is one that the canvas can draw: its nodes are objects with unique ids, its edges
 * name two ends. Everything else in it may be invalid; it is kept as it is, and the server reports the problems.
 */

import { isObject, type Json, type JsonObject } from "../json";
import type { Position } from "../graph/model";

export type DocNode = { readonly id: string } & { readonly [field: string]: Json | undefined };
export type DocEdge = { readonly source: string; readonly target: string } & {
  readonly [field: string]: Json | undefined;
};
export type Doc = { readonly nodes: readonly DocNode[]; readonly edges: readonly DocEdge[] } & {
  readonly [field: string]: Json | readonly DocNode[] | readonly DocEdge[] | undefined;
};

const SCHEMA = "interlock/1";

/** Reads a document that the canvas can draw; null: only the text editor can show it. */
export function readDocument(value: JsonObject): Doc | null {
  const { nodes = [], edges = [] } = value;
  if (!Array.isArray(nodes) || !Array.isArray(edges)) return null;
  const ids = new Set<string>();
  for (const node of nodes) {
    if (!isObject(node) || typeof node["id"] !== "string" || ids.has(node["id"])) return null;
    ids.add(node["id"]);
  }
  for (const edge of edges)
    if (!isObject(edge) || typeof edge["source"] !== "string" || typeof edge["target"] !== "string") return null;
  return { ...value, nodes: nodes as DocNode[], edges: edges as DocEdge[] };
}

export const emptyDocument = (): Doc => ({ schema: SCHEMA, nodes: [], edges: [] });

/** A Doc is JSON; this only changes its type. */
export const asJson = (doc: Doc): JsonObject => doc as unknown as JsonObject;

const text = (value: Json | undefined): string | null => (typeof value === "string" && value ? value : null);

export const nameOf = (node: DocNode): string => text(node["name"]) ?? node.id;
export const typeOf = (node: DocNode): string => text(node["type"]) ?? "";
export const configOf = (node: DocNode): JsonObject => (isObject(node["config"]) ? node["config"] : {});

/** The position that the author gave the node; null: none. */
export function positionOf(node: DocNode): Position | null {
  const at = node["position"];
  if (!isObject(at) || typeof at["x"] !== "number" || typeof at["y"] !== "number") return null;
  return { x: at["x"], y: at["y"] };
}

export const sourcePort = (edge: DocEdge): string => text(edge["source_port"]) ?? "out";
/** The name under which the target's code finds the value. */
export const targetPort = (edge: DocEdge): string => text(edge["target_port"]) ?? edge.source;

/** Whether the edge hands no value on and only orders. */
export const onlyOrders = (edge: DocEdge): boolean => edge["order"] === true;

const keys = new WeakMap<DocEdge, string>();

/** The identity of an edge: edges with equal keys are the same edge. Computed once for each edge object. */
export function edgeKey(edge: DocEdge): string {
  let key = keys.get(edge);
  if (key === undefined) {
    key = JSON.stringify([edge.source, sourcePort(edge), edge.target, targetPort(edge)]);
    keys.set(edge, key);
  }
  return key;
}

const indexes = new WeakMap<readonly DocNode[], ReadonlyMap<string, number>>();

/** Maps ids of nodes to their index in the document's list; computed once for each list. */
export function indexOf(doc: Doc): ReadonlyMap<string, number> {
  let made = indexes.get(doc.nodes);
  if (!made) {
    made = new Map(doc.nodes.map((node, at) => [node.id, at]));
    indexes.set(doc.nodes, made);
  }
  return made;
}

/** Uses the index of one list for another that has the same ids at the same places. */
export function shareIndex(before: readonly DocNode[], after: readonly DocNode[]): void {
  const made = indexes.get(before);
  if (made) indexes.set(after, made);
}

export function nodeOf(doc: Doc, id: string): DocNode | undefined {
  const at = indexOf(doc).get(id);
  return at === undefined ? undefined : doc.nodes[at];
}

/** The difference between two documents by identity: untouched parts are the same objects. */
export interface Difference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** In both, but not the same object; also when only the position differs. */
  readonly changed: readonly string[];
  readonly edges: boolean;
  /** Fields of the document other than nodes and edges. */
  readonly fields: readonly string[];
}

export function difference(before: Doc, after: Doc): Difference {
  const added: string[] = [];
  const removed: string[] = [];
  const changed: string[] = [];
  if (before.nodes !== after.nodes) {
    const were = indexOf(before);
    const are = indexOf(after);
    after.nodes.forEach((node, place) => {
      const at = were === are ? place : were.get(node.id);
      if (at === undefined) added.push(node.id);
      else if (before.nodes[at] !== node) changed.push(node.id);
    });
    if (were !== are) for (const node of before.nodes) if (!are.has(node.id)) removed.push(node.id);
  }
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => key !== "nodes" && key !== "edges" && before[key] !== after[key],
  );
  return { added, removed, changed, edges: before.edges !== after.edges, fields };
}
