/** What others changed between two documents, put into a third that was made from the first. Pure. */

import { same } from "./equal";
import type { Json, JsonObject } from "../live/protocol";
import { type Doc, type DocEdge, type DocNode, edgeKey, indexOf, isObject } from "./document";

export interface Merged {
  readonly doc: Doc;
  /** Ids of nodes that both changed in the same place, or one changed and the other took away: mine stayed. */
  readonly clashes: readonly string[];
  /** Fields of the workflow of which that is true. */
  readonly fields: readonly string[];
}

export function merge(base: Doc, mine: Doc, theirs: Doc): Merged {
  const clashes: string[] = [];
  const fields: string[] = [];
  const were = indexOf(base);
  const there = indexOf(theirs);
  const here = indexOf(mine);
  const nodes: DocNode[] = [];
  for (const node of mine.nodes) {
    const was = base.nodes[were.get(node.id) ?? -1];
    const other = theirs.nodes[there.get(node.id) ?? -1];
    if (!other && was && same(was as Json, node as Json)) continue;
    if (!other && was) clashes.push(node.id);
    if (!other || same(other as Json, node as Json)) {
      nodes.push(node);
      continue;
    }
    if (!was) {
      clashes.push(node.id);
      nodes.push(node);
      continue;
    }
    let clash = false;
    nodes.push(
      merged(was as JsonObject, node as JsonObject, other as JsonObject, () => (clash = true)) as unknown as DocNode,
    );
    if (clash) clashes.push(node.id);
  }
  for (const node of theirs.nodes) {
    if (here.has(node.id)) continue;
    const was = base.nodes[were.get(node.id) ?? -1];
    if (!was) nodes.push(node);
    else if (!same(was as Json, node as Json)) clashes.push(node.id);
  }
  const made: Record<string, Json | readonly DocNode[] | readonly DocEdge[] | undefined> = { nodes, edges: [] };
  for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    if (key === "nodes" || key === "edges") continue;
    const value = merged(
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
      edges: edgesOf(base, mine, theirs).filter((edge) => ids.has(edge.source) && ids.has(edge.target)),
    },
    clashes,
    fields: [...new Set(fields)],
  };
}

function edgesOf(base: Doc, mine: Doc, theirs: Doc): DocEdge[] {
  const were = new Set(base.edges.map(edgeKey));
  const there = new Set(theirs.edges.map(edgeKey));
  const here = new Set(mine.edges.map(edgeKey));
  const kept = mine.edges.filter((edge) => !were.has(edgeKey(edge)) || there.has(edgeKey(edge)));
  return [...kept, ...theirs.edges.filter((edge) => !were.has(edgeKey(edge)) && !here.has(edgeKey(edge)))];
}

/** Field by field; where both changed one field otherwise, mine. */
function merged(
  was: Json | undefined,
  mine: Json | undefined,
  theirs: Json | undefined,
  clash: () => void,
): Json | undefined {
  if (same(mine, theirs) || same(was, theirs)) return mine;
  if (same(was, mine)) return theirs;
  if (!isObject(mine) || !isObject(theirs)) {
    clash();
    return mine;
  }
  const before = isObject(was) ? was : {};
  const made: JsonObject = {};
  for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const of = (whole: JsonObject): Json | undefined => (Object.hasOwn(whole, key) ? whole[key] : undefined);
    const value = merged(of(before), of(mine), of(theirs), clash);
    if (value !== undefined)
      Object.defineProperty(made, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return made;
}
