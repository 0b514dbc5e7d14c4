/** What a canvas shows: positions and states of nodes and edges, in flat arrays for painting. Pure. */

import { type Box, type SpatialIndex } from "../graph/grid";
import { edgesAt, type Graph, NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import { EARLY_TURN } from "../graph/route";
import { type EdgePaths } from "../graph/edge-path";
import type { NodeRun } from "../live/protocol";

/** The states of node runs; their index is their number. */
export const STATES = [
  "pending",
  "ready",
  "running",
  "waiting",
  "retrying",
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "skipped",
  "upstream_failed",
] as const;
export const STATE_CODES: ReadonlyMap<string, number> = new Map(STATES.map((state, code) => [state, code]));
export const PENDING = 0;
/** Numbers for nodes without a state: a node in the editor, and one that is highlighted there. */
export const NEUTRAL = STATES.length;
export const HIGHLIGHTED = STATES.length + 1;

/** How an edge is drawn. */
export const EdgeStyle = {
  /** The source has not ended, or its output does not go this way. */
  blocked: 0,
  /** The output is ready and not yet used. */
  idle: 1,
  done: 2,
  /** The target did not run because the source failed. */
  bad: 3,
  /** The target is running. */
  live: 4,
  /** The edge is selected. */
  chosen: 5,
} as const;
export const EDGE_STYLES = 6;

const PASSED: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out", "retrying", "waiting"]);
const FAILED: ReadonlySet<string> = new Set(["failed", "timed_out", "upstream_failed"]);

export function edgeStyle(source: NodeRun | undefined, target: NodeRun | undefined, port: string): number {
  if (!source || !target) return EdgeStyle.blocked;
  const passed = PASSED.has(target.state) || (target.state === "cancelled" && target.attempt > 0);
  if (source.state === "succeeded") {
    const ports = source.output?.ports ?? [];
    if (ports.length && !ports.includes(port)) return EdgeStyle.blocked;
    if (target.state === "running") return EdgeStyle.live;
    if (passed) return EdgeStyle.done;
    return target.state === "pending" || target.state === "ready" ? EdgeStyle.idle : EdgeStyle.blocked;
  }
  if (FAILED.has(source.state)) {
    if (target.state === "upstream_failed") return EdgeStyle.bad;
    // A trigger rule such as all_done starts it in spite of the failure.
    if (target.state === "running") return EdgeStyle.live;
    return passed ? EdgeStyle.done : EdgeStyle.blocked;
  }
  return EdgeStyle.blocked;
}

/** A text on an edge: the number of rows, or the name of the port. */
export interface EdgeLabel {
  readonly text: string;
  /** The middle of the text. */
  readonly x: number;
  readonly y: number;
  /** The number is from before the last edits. */
  readonly outdated?: boolean;
}

/** Everything that is painted, by number of the node or edge. */
export interface Picture {
  readonly graph: Graph;
  readonly at: Float64Array;
  readonly paths: EdgePaths;
  readonly grid: SpatialIndex;
  /** The number of each node's state, NEUTRAL or HIGHLIGHTED. */
  readonly states: Uint8Array;
  /** 1: the node needs attention. */
  readonly stuck: Uint8Array;
  /** The EdgeStyle of each edge. */
  readonly edgeStyles: Uint8Array;
  readonly labels: ReadonlyMap<number, EdgeLabel>;
  /** The key of a node's card; it stays when numbers change. */
  key(node: number): string;
  /** The node with a key; -1: none. */
  find(key: string): number;
}

/** The box of a node's card. */
export function boxOf({ at }: Pick<Picture, "at">, node: number): Box {
  const left = at[2 * node] ?? 0;
  const top = at[2 * node + 1] ?? 0;
  return { left, top, right: left + NODE_WIDTH, bottom: top + NODE_HEIGHT };
}

/** The box around the cards of several nodes; null: there are none. */
export function boundsOf(picture: Pick<Picture, "at">, nodes: Iterable<number>): Box | null {
  let box: Box | null = null;
  for (const node of nodes) {
    const one = boxOf(picture, node);
    box = box
      ? {
          left: Math.min(box.left, one.left),
          top: Math.min(box.top, one.top),
          right: Math.max(box.right, one.right),
          bottom: Math.max(box.bottom, one.bottom),
        }
      : one;
  }
  return box;
}

/** The node whose corner is nearest to a point; -1: none. */
export function nearestNode({ graph, at }: Pick<Picture, "graph" | "at">, x: number, y: number): number {
  let best = -1;
  let least = Infinity;
  for (let node = 0; node < graph.size; node += 1) {
    const away = Math.abs((at[2 * node] ?? 0) - x) + Math.abs((at[2 * node + 1] ?? 0) - y);
    if (away < least) {
      least = away;
      best = node;
    }
  }
  return best;
}

/** The position of an edge's label: in the middle of a straight edge, else on its first segment. */
export function labelPosition(
  { start, end, points }: EdgePaths,
  edge: number,
): { x: number; y: number; straight: boolean } {
  const from = start[edge] ?? 0;
  const straight = (end[edge] ?? 0) - from === 4;
  const x = points[from] ?? 0;
  const y = points[from + 1] ?? 0;
  const run = (points[from + 2] ?? 0) - x;
  // Of a long straight edge, only the start is certainly not behind another node.
  if (straight) return { x: run > 3 * NODE_WIDTH ? x + 60 : x + run / 2, y, straight };
  // An edge that turns early has no space before the turn.
  if (run === EARLY_TURN) {
    const length = (points[from + 6] ?? 0) - (points[from + 4] ?? 0);
    return { x: (points[from + 4] ?? 0) + Math.min(length / 2, 60), y: points[from + 5] ?? 0, straight };
  }
  return { x: x + Math.max(30, run / 2), y, straight };
}

/** The edge that shows a node's number of rows: a straight one that hands them on, else the first such; -1: none. */
export function labelEdge(graph: Graph, ways: EdgePaths, node: number): number {
  const edges = edgesAt(graph.outOf, node).filter((edge) => !graph.orders[edge]);
  for (const edge of edges) if ((ways.end[edge] ?? 0) - (ways.start[edge] ?? 0) === 4) return edge;
  return edges[0] ?? -1;
}
