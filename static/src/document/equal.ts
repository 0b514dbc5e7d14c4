/** Whether two JSON values say the same, and which parts two documents have in common. Pure. */

import type { Doc, DocEdge, DocNode } from "./document";
import { edgeKey, indexOf } from "./document";
import type { Json } from "../live/protocol";

/** Text as the server keeps it: NUL and halves of surrogate pairs become U+FFFD. */
const stored = (text: string): string =>
  text.replace(/\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");

/** Whether both would be the same document on the server; the order of fields says nothing. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a === "string" && typeof b === "string") return stored(a) === stored(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, index) => same(value, b[index]))
    );
  const there = (value: Json | undefined): boolean => value !== undefined;
  const keys = Object.keys(a).filter((key) => there(a[key]));
  return (
    keys.length === Object.values(b).filter(there).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
  );
}

/** `doc` made of the objects of `known` wherever both say the same, so that what looks by identity sees what differs. */
export function sharing(known: Doc, doc: Doc): Doc {
  const index = indexOf(known);
  const nodes = shared(known.nodes, doc.nodes, (node) => known.nodes[index.get(node.id) ?? -1]);
  const byKey = new Map(known.edges.map((edge) => [edgeKey(edge), edge]));
  const edges = shared(known.edges, doc.edges, (edge) => byKey.get(edgeKey(edge)));
  const made: Record<string, Json | readonly DocNode[] | readonly DocEdge[] | undefined> = { ...doc };
  for (const key of Object.keys(doc))
    if (key !== "nodes" && key !== "edges" && same(known[key] as Json, doc[key] as Json)) made[key] = known[key];
  return { ...made, nodes, edges };
}

function shared<T extends DocNode | DocEdge>(
  known: readonly T[],
  list: readonly T[],
  find: (one: T) => T | undefined,
): readonly T[] {
  const made = list.map((one, at) => {
    const alike = (other: T | undefined): other is T => other !== undefined && same(other as Json, one as Json);
    const there = known[at];
    if (alike(there)) return there;
    const other = find(one);
    return alike(other) ? other : one;
  });
  return made.length === known.length && made.every((one, at) => one === known[at]) ? known : made;
}
