/** A three-way merge of documents. Pure. */

import { isObject, type Json, type JsonObject, isEqual } from "../json";

import { type Doc, type DocEdge, type DocNode, edgeKey, indexOf, onlyOrders } from "./document";

interface MergeResult {
  readonly doc: Doc;
  /** Ids of nodes of which both changed the same field, or one changed or connected what the other removed: mine was kept. */
  readonly conflicts: readonly string[];
  /** Fields of the workflow that both changed: mine was kept. */
  readonly fields: readonly string[];
}

/** Merges the changes from `base` to `theirs` into `mine`. */
export function merge(base: Doc, mine: Doc, theirs: Doc): MergeResult {
  const conflicts = new Set<string>();
  const fields: string[] = [];
  const were = indexOf(base);
  const there = indexOf(theirs);
  const here = indexOf(mine);
  const connectedHere = endsOf(newEdges(base, mine));
  const connectedThere = endsOf(newEdges(base, theirs));
  const nodes: DocNode[] = [];
  for (const node of mine.nodes) {
    const was = base.nodes[were.get(node.id) ?? -1];
    const other = theirs.nodes[there.get(node.id) ?? -1];
    if (!other && was && !connectedHere.has(node.id) && isEqual(was as Json, node as Json)) continue;
    if (!other && was) conflicts.add(node.id);
    if (!other || isEqual(other as Json, node as Json)) {
      nodes.push(node);
      continue;
    }
    if (!was) {
      conflicts.add(node.id);
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
    if (conflict) conflicts.add(node.id);
  }
  for (const node of theirs.nodes) {
    if (here.has(node.id)) continue;
    const was = base.nodes[were.get(node.id) ?? -1];
    if (!was) nodes.push(node);
    else if (connectedThere.has(node.id) || !isEqual(was as Json, node as Json)) conflicts.add(node.id);
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
  const edges = mergeEdges(base, mine, theirs, (node) => conflicts.add(node));
  return {
    doc: {
      ...made,
      nodes,
      edges: edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target)),
    },
    conflicts: [...conflicts],
    fields: [...new Set(fields)],
  };
}

const endsOf = (edges: readonly DocEdge[]): Set<string> =>
  new Set(edges.flatMap(({ source, target }) => [source, target]));

/** Returns the edges that `after` has and `before` has not. */
function newEdges(before: Doc, after: Doc): DocEdge[] {
  const were = new Set(before.edges.map(edgeKey));
  return after.edges.filter((edge) => !were.has(edgeKey(edge)));
}

function mergeEdges(base: Doc, mine: Doc, theirs: Doc, clash: (node: string) => void): DocEdge[] {
  const were = new Set(base.edges.map(edgeKey));
  const there = new Set(theirs.edges.map(edgeKey));
  const here = new Set(mine.edges.map(edgeKey));
  const nodesThere = indexOf(theirs);
  const before = new Map(base.edges.map((edge) => [edgeKey(edge), edge]));
  const others = new Map(theirs.edges.map((edge) => [edgeKey(edge), edge]));
  const mixed = (edge: DocEdge): DocEdge => {
    const other = others.get(edgeKey(edge));
    if (!other || onlyOrders(other) === onlyOrders(edge)) return edge;
    // Of two values, one is the base's: the other side has changed it.
    const was = before.get(edgeKey(edge));
    if (!was) clash(edge.target);
    return was && onlyOrders(was) === onlyOrders(edge) ? other : edge;
  };
  const kept = mine.edges.filter(
    (edge) =>
      !were.has(edgeKey(edge)) ||
      there.has(edgeKey(edge)) ||
      // It went with its node there; if that node stays, so does the edge.
      !nodesThere.has(edge.source) ||
      !nodesThere.has(edge.target),
  );
  return [...kept.map(mixed), ...newEdges(base, theirs).filter((edge) => !here.has(edgeKey(edge)))];
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
