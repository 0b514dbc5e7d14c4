/** A three-way merge of documents. Pure. */

import { isObject, type Json, type JsonObject, isEqual } from "../json";

import { type Doc, type DocEdge, type DocNode, edgeKey, indexOf } from "./document";

interface MergeResult {
  readonly doc: Doc;
  /** Ids of nodes of which both changed the same field, or one changed what the other removed: mine was kept. */
  readonly conflicts: readonly string[];
  /** Fields of the workflow that both changed: mine was kept. */
  readonly fields: readonly string[];
}

/** Merges the changes from `base` to `theirs` into `mine`. */
export function merge(base: Doc, mine: Doc, theirs: Doc): MergeResult {
  const conflicts: string[] = [];
  const fields: string[] = [];
  const were = indexOf(base);
  const there = indexOf(theirs);
  const here = indexOf(mine);
  const nodes: DocNode[] = [];
  for (const node of mine.nodes) {
    const was = base.nodes[were.get(node.id) ?? -1];
    const other = theirs.nodes[there.get(node.id) ?? -1];
    if (!other && was && isEqual(was as Json, node as Json)) continue;
    if (!other && was) conflicts.push(node.id);
    if (!other || isEqual(other as Json, node as Json)) {
      nodes.push(node);
      continue;
    }
    if (!was) {
      conflicts.push(node.id);
      nodes.push(node);
      continue;
    }
    let conflict = false;
    nodes.push(
      mergeValue(
        was as JsonObject,
        node as JsonObject,
        other as JsonObject,
        () => (conflict = true),
      ) as unknown as DocNode,
    );
    if (conflict) conflicts.push(node.id);
  }
  for (const node of theirs.nodes) {
    if (here.has(node.id)) continue;
    const was = base.nodes[were.get(node.id) ?? -1];
    if (!was) nodes.push(node);
    else if (!isEqual(was as Json, node as Json)) conflicts.push(node.id);
  }
  const made: Record<string, Json | readonly DocNode[] | readonly DocEdge[] | undefined> = { nodes, edges: [] };
  for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    if (key === "nodes" || key === "edges") continue;
    const value = mergeValue(
      base[key] as Json | undefined,
      mine[key] as Json | undefined,
      theirs[key] as Json | undefined,
      () => fields.push(key),
    );
    if (value !== undefined) made[key] = value;
  }
  const ids = new Set(nodes.map((node) => node.id));
  return {
    doc: {
      ...made,
      nodes,
      edges: mergeEdges(base, mine, theirs).filter((edge) => ids.has(edge.source) && ids.has(edge.target)),
    },
    conflicts: conflicts,
    fields: [...new Set(fields)],
  };
}

function mergeEdges(base: Doc, mine: Doc, theirs: Doc): DocEdge[] {
  const were = new Set(base.edges.map(edgeKey));
  const there = new Set(theirs.edges.map(edgeKey));
  const here = new Set(mine.edges.map(edgeKey));
  const kept = mine.edges.filter((edge) => !were.has(edgeKey(edge)) || there.has(edgeKey(edge)));
  return [...kept, ...theirs.edges.filter((edge) => !were.has(edgeKey(edge)) && !here.has(edgeKey(edge)))];
}

/** Merges field by field; where both changed the same field, mine is kept. */
function mergeValue(
  was: Json | undefined,
  mine: Json | undefined,
  theirs: Json | undefined,
  clash: () => void,
): Json | undefined {
  if (isEqual(mine, theirs) || isEqual(was, theirs)) return mine;
  if (isEqual(was, mine)) return theirs;
  if (!isObject(mine) || !isObject(theirs)) {
    clash();
    return mine;
  }
  const before = isObject(was) ? was : {};
  const made: JsonObject = {};
  for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const of = (whole: JsonObject): Json | undefined => (Object.hasOwn(whole, key) ? whole[key] : undefined);
    const value = mergeValue(of(before), of(mine), of(theirs), clash);
    if (value !== undefined)
      Object.defineProperty(made, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return made;
}
