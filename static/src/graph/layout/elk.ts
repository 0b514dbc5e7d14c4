/** The request to ELK, and how its result is read. Pure. */

import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api";
import { COLUMN_GAP, ROW_GAP, type Positions } from "./layered";
import { type Graph, NODE_HEIGHT, NODE_WIDTH } from "../model";

/** Graphs up to this size get wider gaps between rows. */
const SMALL_GRAPH = 14;
const SMALL_GRAPH_ROW_GAP = 60;

export interface Arrangement {
  readonly at: Positions;
  /** Corners of the edges that the layout routed. */
  readonly routed: ReadonlyMap<number, readonly number[]>;
}

/** Space between columns and between rows. */
export interface Gaps {
  readonly column: number;
  readonly row: number;
}

const gapsOf = (graph: Graph): Gaps => ({
  column: COLUMN_GAP,
  row: graph.size <= SMALL_GRAPH ? SMALL_GRAPH_ROW_GAP : ROW_GAP,
});

export function elkRequest(graph: Graph, gaps: Gaps = gapsOf(graph)): ElkNode {
  const edges: ElkExtendedEdge[] = [];
  for (let edge = 0; edge < graph.edges; edge += 1) {
    edges.push({ id: String(edge), sources: [String(graph.sources[edge])], targets: [String(graph.targets[edge])] });
  }
  return {
    id: "graph",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": "RIGHT",
      "elk.edgeRouting": "ORTHOGONAL",
      // Edges into one node, and out of one, share a line.
      "elk.layered.mergeEdges": "true",
      "elk.layered.spacing.nodeNodeBetweenLayers": String(gaps.column),
      "elk.spacing.nodeNode": String(gaps.row),
      "elk.layered.spacing.edgeNodeBetweenLayers": "30",
      "elk.layered.spacing.edgeEdgeBetweenLayers": "10",
      "elk.spacing.edgeNode": "22",
      "elk.spacing.edgeEdge": "10",
      "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
      "elk.layered.considerModelOrder.strategy": "PREFER_EDGES",
      "elk.separateConnectedComponents": "true",
      "elk.spacing.componentComponent": "48",
      "elk.aspectRatio": "2.1",
      "elk.randomSeed": "1",
      "elk.padding": "[top=0,left=0,bottom=0,right=0]",
    },
    children: graph.ids.map((_id, node) => ({ id: String(node), width: NODE_WIDTH, height: NODE_HEIGHT })),
    edges,
  };
}

export function readElkResult(graph: Graph, root: ElkNode): Arrangement {
  const at = new Float64Array(2 * graph.size);
  for (const child of root.children ?? []) {
    const node = Number(child.id);
    at[2 * node] = Math.round(child.x ?? 0);
    at[2 * node + 1] = Math.round(child.y ?? 0);
  }
  const routed = new Map<number, readonly number[]>();
  for (const edge of root.edges ?? []) {
    const section = edge.sections?.[0];
    if (!section) continue;
    const number = Number(edge.id);
    const source = graph.sources[number] ?? 0;
    const target = graph.targets[number] ?? 0;
    // Rounding the positions of nodes must not bend the ends of edges.
    const startY = (at[2 * source + 1] ?? 0) + NODE_HEIGHT / 2;
    const endY = (at[2 * target + 1] ?? 0) + NODE_HEIGHT / 2;
    const inner = (section.bendPoints ?? []).flatMap(({ x, y }) => [Math.round(x), Math.round(y)]);
    if (inner.length >= 4) {
      inner[1] = startY;
      inner[inner.length - 1] = endY;
    }
    if (inner.length)
      routed.set(number, [(at[2 * source] ?? 0) + NODE_WIDTH, startY, ...inner, at[2 * target] ?? 0, endY]);
  }
  return { at, routed };
}
