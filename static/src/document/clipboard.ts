/** Copied nodes as text, and how such text is inserted into another document. Pure. */

import { isObject, type Json } from "../json";
import {
  configOf,
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  indexOf,
  nameOf,
  onlyOrders,
  positionOf,
  targetPort,
} from "./document";
import { isId, idFromName, uniqueId, uniqueName } from "./ids";
import { NODE_HEIGHT, NODE_WIDTH, type Position } from "../graph/model";
import type { NodeTypes } from "./node-type";
import { renameInput, renameOutputs } from "./references/references";

const FORMAT = "nodes/1";
const NODES_MAX = 10_000;
const EDGES_MAX = 50_000;
const GAP = 24;

export interface Fragment {
  readonly nodes: readonly DocNode[];
  readonly edges: readonly DocEdge[];
}

/** Returns the nodes in document order, and the edges between them. */
export function fragmentOf(doc: Doc, ids: ReadonlySet<string>): Fragment {
  return {
    nodes: doc.nodes.filter((node) => ids.has(node.id)),
    edges: doc.edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target)),
  };
}

export const writeFragment = (part: Fragment): string =>
  JSON.stringify({ interlock: FORMAT, nodes: part.nodes, edges: part.edges }, null, 2);

/** Reads copied nodes, a whole definition, a list of nodes or one node; null: the text is none of these. */
export function readFragment(text: string): Fragment | null {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (isObject(value) && !Array.isArray(value["nodes"])) value = { nodes: [value] };
  else if (Array.isArray(value)) value = { nodes: value };
  if (!isObject(value) || (value["interlock"] !== undefined && value["interlock"] !== FORMAT)) return null;
  const { nodes, edges = [] } = value;
  if (!Array.isArray(nodes) || !nodes.length || nodes.length > NODES_MAX || !Array.isArray(edges)) return null;
  const read: DocNode[] = [];
  const ids = new Set<string>();
  for (const node of nodes) {
    if (!isObject(node) || typeof node["type"] !== "string" || !node["type"]) return null;
    const givenId = typeof node["id"] === "string" ? node["id"] : "";
    const name = typeof node["name"] === "string" ? node["name"] : "";
    const id =
      givenId && !ids.has(givenId) ? givenId : uniqueId(idFromName(name) || idFromName(node["type"]) || "node", ids);
    ids.add(id);
    read.push({ ...node, id });
  }
  const inner = (edge: Json): DocEdge[] =>
    isObject(edge) &&
    typeof edge["source"] === "string" &&
    typeof edge["target"] === "string" &&
    ids.has(edge["source"]) &&
    ids.has(edge["target"])
      ? [edge as unknown as DocEdge]
      : [];
  return { nodes: read, edges: edges.slice(0, EDGES_MAX).flatMap(inner) };
}

/** Gives the nodes ids and names that are unique in the document; references between them follow the new ids. */
export function adaptToDocument(doc: Doc, part: Fragment, types: NodeTypes): Fragment {
  const taken = new Set([...indexOf(doc).keys(), ...part.nodes.map((node) => node.id)]);
  const there = indexOf(doc);
  const names = new Set(doc.nodes.map(nameOf));
  const ids = new Map<string, string>();
  for (const { id, name } of part.nodes) {
    if (isId(id) && !there.has(id)) continue;
    const fresh = uniqueId(isId(id) ? id : idFromName(typeof name === "string" ? name : id) || "node", taken);
    taken.add(fresh);
    ids.set(id, fresh);
  }
  const nodes = new Map(part.nodes.map((node) => [node.id, node]));
  const given = namedInputs(part);
  const edges = part.edges.map((edge) => {
    const source = ids.get(edge.source);
    const made: DocEdge = { ...edge, source: source ?? edge.source, target: ids.get(edge.target) ?? edge.target };
    const target = nodes.get(edge.target);
    if (
      source === undefined ||
      !target ||
      onlyOrders(edge) ||
      (typeof edge["target_port"] === "string" && edge["target_port"])
    )
      return made;
    const config = renameInput(target, edge.source, source, types);
    if (config === null || given.has(`${edge.target} ${source}`)) return { ...made, target_port: targetPort(edge) };
    if (config !== configOf(target)) nodes.set(target.id, { ...target, config });
    return made;
  });
  const fresh = [...nodes.values()].map((node) => {
    const config = ids.size ? renameOutputs(node, ids, types) : configOf(node);
    const id = ids.get(node.id) ?? node.id;
    const newName = typeof node["name"] === "string" && node["name"] ? uniqueName(node["name"], names) : null;
    names.add(newName ?? id);
    return {
      ...node,
      id,
      ...(newName === null ? {} : { name: newName }),
      ...(config === configOf(node) ? {} : { config }),
    };
  });
  return { nodes: fresh, edges: [...new Map(edges.map((edge) => [edgeKey(edge), edge])).values()] };
}

/** "target name" of every input with an explicit name, which no other input of the target may get. */
const namedInputs = (part: Fragment): ReadonlySet<string> =>
  new Set(
    part.edges.flatMap((edge) => (targetPort(edge) === edge.source ? [] : [`${edge.target} ${targetPort(edge)}`])),
  );

/** Moves the fragment's upper left corner to a point; nodes without a position are put below those with one. */
export function placeAt(part: Fragment, at: Position): Fragment {
  const places = part.nodes.map(positionOf);
  const known = places.filter((place): place is Position => place !== null);
  const left = Math.min(...known.map(({ x }) => x));
  const top = Math.min(...known.map(({ y }) => y));
  let next = known.length ? Math.max(...known.map(({ y }) => y)) - top + NODE_HEIGHT + GAP : 0;
  let column = 0;
  const nodes = part.nodes.map((node, index) => {
    const place = places[index];
    if (place)
      return {
        ...node,
        position: { x: Math.round(at.x + place.x - left), y: Math.round(at.y + place.y - top) },
      };
    const position = { x: Math.round(at.x + column * (NODE_WIDTH + GAP)), y: Math.round(at.y + next) };
    column = (column + 1) % 5;
    if (!column) next += NODE_HEIGHT + GAP;
    return { ...node, position };
  });
  return { nodes, edges: part.edges };
}
