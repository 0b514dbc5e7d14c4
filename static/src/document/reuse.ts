import { isEqual, type Json } from "../json";
import { type Doc, type DocEdge, type DocNode, edgeKey, indexOf } from "./document";

/** Returns `doc` built from the objects of `known` wherever they are equal, so that comparing by identity shows what differs. */
export function reuseEqualParts(known: Doc, doc: Doc): Doc {
  const index = indexOf(known);
  const nodes = reuseItems(known.nodes, doc.nodes, (node) => known.nodes[index.get(node.id) ?? -1]);
  const byKey = new Map(known.edges.map((edge) => [edgeKey(edge), edge]));
  const edges = reuseItems(known.edges, doc.edges, (edge) => byKey.get(edgeKey(edge)));
  const fields: Record<string, Json | readonly DocNode[] | readonly DocEdge[] | undefined> = { ...doc };
  for (const key of Object.keys(doc))
    if (key !== "nodes" && key !== "edges" && isEqual(known[key] as Json, doc[key] as Json)) fields[key] = known[key];
  return { ...fields, nodes, edges };
}

function reuseItems<T extends DocNode | DocEdge>(
  known: readonly T[],
  items: readonly T[],
  find: (item: T) => T | undefined,
): readonly T[] {
  const made = items.map((item, at) => {
    const equals = (other: T | undefined): other is T => other !== undefined && isEqual(other as Json, item as Json);
    const samePlace = known[at];
    if (equals(samePlace)) return samePlace;
    const other = find(item);
    return equals(other) ? other : item;
  });
  return made.length === known.length && made.every((item, at) => item === known[at]) ? known : made;
}
