/** The graph that the canvas draws: nodes and edges by number, neighbours in flat arrays, which stay small and quick for
 * 10,000 nodes and 50,000 edges. Pure. The server sends it as compact lists (dashboard/pages/graph.py).
 */

import { isObject, type Json, type JsonObject } from "../json";

/** Size of a node's card, in the graph's own units: pixels at 100 %. */
export const NODE_WIDTH = 188;
export const NODE_HEIGHT = 54;

/** Distance of the grid on which nodes are placed, in the graph's units. */
export const GRID = 20;

/** Rounds a coordinate to the grid. */
export const onGrid = (value: number): number => Math.round(value / GRID) * GRID || 0;

/** Upper left corner of a node's card, in the graph's units. */
export interface Position {
  readonly x: number;
  readonly y: number;
}

export interface Graph {
  readonly size: number;
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly types: readonly string[];
  /** Icon of the sprite for each type. */
  readonly icons: ReadonlyMap<string, string>;
  /** Number of a node by its id. */
  readonly index: ReadonlyMap<string, number>;
  /** The author's position of each node: x, y of its upper left corner; NaN: none. */
  readonly placed: Float64Array;
  /** Number of edges; edge e leads from `sources[e]` to `targets[e]`. */
  readonly edges: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
  /** Port of each edge at its source. */
  readonly ports: readonly string[];
  /** 1: the edge only orders. */
  readonly orders: Uint8Array;
  readonly into: Links;
  readonly outOf: Links;
}

/** The edges at each node: those of node n are `edges[start[n]]` up to `edges[start[n + 1] - 1]`, in document order. */
export interface Links {
  readonly start: Int32Array;
  readonly edges: Int32Array;
}

function links(size: number, ends: Int32Array): Links {
  const start = new Int32Array(size + 1);
  for (const end of ends) start[end + 1] = (start[end + 1] ?? 0) + 1;
  for (let at = 0; at < size; at += 1) start[at + 1] = (start[at + 1] ?? 0) + (start[at] ?? 0);
  const next = start.slice();
  const edges = new Int32Array(ends.length);
  for (let edge = 0; edge < ends.length; edge += 1) {
    const end = ends[edge] ?? 0;
    const place = next[end] ?? 0;
    edges[place] = edge;
    next[end] = place + 1;
  }
  return { start, edges };
}

export function edgesAt(of: Links, node: number): Int32Array {
  return of.edges.subarray(of.start[node] ?? 0, of.start[node + 1] ?? 0);
}

interface NodeInput {
  readonly id: string;
  readonly name?: string;
  readonly type?: string;
  readonly x?: number;
  readonly y?: number;
}

/** `edges`: source and target as numbers of nodes, the port at the source, and whether it only orders. */
export function makeGraph(
  nodes: readonly NodeInput[],
  edges: readonly (readonly [number, number, string?, boolean?])[],
  icons: ReadonlyMap<string, string> = new Map(),
): Graph {
  const size = nodes.length;
  const sources = Int32Array.from(edges, (edge) => edge[0]);
  const targets = Int32Array.from(edges, (edge) => edge[1]);
  const placed = new Float64Array(2 * size).fill(NaN);
  nodes.forEach((node, at) => {
    if (node.x === undefined || node.y === undefined) return;
    placed[2 * at] = node.x;
    placed[2 * at + 1] = node.y;
  });
  return {
    size,
    ids: nodes.map((node) => node.id),
    names: nodes.map((node) => node.name ?? node.id),
    types: nodes.map((node) => node.type ?? ""),
    icons,
    index: new Map(nodes.map((node, at) => [node.id, at])),
    placed,
    edges: edges.length,
    sources,
    targets,
    ports: edges.map((edge) => edge[2] ?? "out"),
    orders: Uint8Array.from(edges, (edge) => (edge[3] ? 1 : 0)),
    into: links(size, targets),
    outOf: links(size, sources),
  };
}

/** Reads the server's lists; null: they are no graph. */
export function readGraph(value: JsonObject): Graph | null {
  const { nodes, edges, icons } = value;
  if (!Array.isArray(nodes) || !Array.isArray(edges)) return null;
  const read: NodeInput[] = [];
  for (const node of nodes) {
    if (!Array.isArray(node)) return null;
    const [id, name, type, x, y] = node;
    if (typeof id !== "string" || typeof name !== "string" || typeof type !== "string") return null;
    read.push(typeof x === "number" && typeof y === "number" ? { id, name, type, x, y } : { id, name, type });
  }
  const lines: [number, number, string, boolean][] = [];
  const known = (at: Json | undefined): at is number =>
    typeof at === "number" && Number.isInteger(at) && at >= 0 && at < read.length;
  for (const edge of edges) {
    if (!Array.isArray(edge)) return null;
    const [source, target, port, , order] = edge;
    if (!known(source) || !known(target)) return null;
    lines.push([source, target, typeof port === "string" ? port : "out", order === true]);
  }
  const named = isObject(icons) ? Object.entries(icons) : [];
  return makeGraph(
    read,
    lines,
    new Map(named.flatMap(([type, icon]) => (typeof icon === "string" ? [[type, icon] as const] : []))),
  );
}

/** Returns whether the author placed any node. Missing positions, and all nodes at one point, do not count. */
export function isPlaced(graph: Graph): boolean {
  for (let at = 0; at < graph.size; at += 1) {
    const x = graph.placed[2 * at] ?? NaN;
    const y = graph.placed[2 * at + 1] ?? NaN;
    if (!Number.isNaN(x) && (x !== 0 || y !== 0)) return true;
  }
  return graph.size === 1 && !Number.isNaN(graph.placed[0] ?? NaN);
}
