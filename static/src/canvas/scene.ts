/** What the canvas shows: where nodes and edges lie, and the state of each, in flat arrays that painting can walk. Pure. */

import { type Box, Grid, type Places } from "../graph/grid";
import type { Arranged } from "../graph/layout/layout";
import { edgesAt, type Graph, NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import { clearWay, EARLY, ROUTED_MAX } from "../graph/route";
import { type Ways, waysOf } from "../graph/track";
import type { NodeRun } from "../live/protocol";
import { count } from "../words/words";

/** States of a node run by number. */
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
const CODES: ReadonlyMap<string, number> = new Map(STATES.map((state, code) => [state, code]));
export const PENDING = 0;
/** Where nodes have no state: one while it is edited, and one that is marked. */
export const NEUTRAL = STATES.length;
export const MARKED = STATES.length + 1;
export const RUNNING = 2;

/** How an edge is drawn. */
export const Track = {
  /** Its source has not ended, or nothing will pass. */
  blocked: 0,
  /** Set, and not yet passed. */
  idle: 1,
  done: 2,
  /** Its target failed for its source's sake. */
  bad: 3,
  /** Its target runs. */
  live: 4,
  /** Of the selection. */
  chosen: 5,
} as const;
export const TRACKS = 6;

const PASSED: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out", "retrying", "waiting"]);
const FAILED: ReadonlySet<string> = new Set(["failed", "timed_out", "upstream_failed"]);

export function track(source: NodeRun | undefined, target: NodeRun | undefined, port: string): number {
  if (!source || !target) return Track.blocked;
  const passed = PASSED.has(target.state) || (target.state === "cancelled" && target.attempt > 0);
  if (source.state === "succeeded") {
    const ports = source.output?.ports ?? [];
    if (ports.length && !ports.includes(port)) return Track.blocked;
    if (target.state === "running") return Track.live;
    if (passed) return Track.done;
    return target.state === "pending" || target.state === "ready" ? Track.idle : Track.blocked;
  }
  if (FAILED.has(source.state)) {
    if (target.state === "upstream_failed") return Track.bad;
    // A rule such as all_done lets it go on.
    if (target.state === "running") return Track.live;
    return passed ? Track.done : Track.blocked;
  }
  return Track.blocked;
}

/** A word on an edge: the count of rows that leave a node. */
export interface Label {
  readonly text: string;
  /** Middle of the text. */
  readonly x: number;
  readonly y: number;
  /** It may no longer be so. */
  readonly old?: boolean;
}

/** What is painted, in flat arrays by number of the node or edge. */
export interface Picture {
  readonly graph: Graph;
  readonly at: Float64Array;
  readonly ways: Ways;
  readonly grid: Places;
  /** Number of each node's state in STATES, or NEUTRAL or MARKED. */
  readonly states: Uint8Array;
  /** 1: needs attention. */
  readonly stuck: Uint8Array;
  /** Number of each edge's Track. */
  readonly tracks: Uint8Array;
  readonly labels: ReadonlyMap<number, Label>;
  /** What a node's card is known by, also when numbers change. */
  key(node: number): string;
  /** The node with a key; -1: it is gone. */
  find(key: string): number;
}

/** The upper left and lower right corner of a node. */
export function boxOf({ at }: Pick<Picture, "at">, node: number): Box {
  const left = at[2 * node] ?? 0;
  const top = at[2 * node + 1] ?? 0;
  return { left, top, right: left + NODE_WIDTH, bottom: top + NODE_HEIGHT };
}

/** The node whose corner is nearest to a point; -1: there is none. */
export function nearest({ graph, at }: Pick<Picture, "graph" | "at">, x: number, y: number): number {
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

/** Where the word on an edge stands: in the middle of a straight one, else on its first run. */
export function wordPlace({ start, end, points }: Ways, edge: number): { x: number; y: number; straight: boolean } {
  const from = start[edge] ?? 0;
  const straight = (end[edge] ?? 0) - from === 4;
  const x = points[from] ?? 0;
  const y = points[from + 1] ?? 0;
  const run = (points[from + 2] ?? 0) - x;
  // Of a long straight edge only the beginning is surely clear of other nodes.
  if (straight) return { x: run > 3 * NODE_WIDTH ? x + 60 : x + run / 2, y, straight };
  // Turning at once, it leaves no room before the turn.
  if (run === EARLY) {
    const length = (points[from + 6] ?? 0) - (points[from + 4] ?? 0);
    return { x: (points[from + 4] ?? 0) + Math.min(length / 2, 60), y: points[from + 5] ?? 0, straight };
  }
  return { x: x + Math.max(30, run / 2), y, straight };
}

/** Of a node's edges, the one that carries its row count: a straight one, else the first; -1: there is none. */
export function wordEdge(graph: Graph, ways: Ways, node: number): number {
  const edges = edgesAt(graph.outOf, node);
  for (const edge of edges) if ((ways.end[edge] ?? 0) - (ways.start[edge] ?? 0) === 4) return edge;
  return edges[0] ?? -1;
}

export class Scene implements Picture {
  readonly at: Float64Array;
  readonly ways: Ways;
  readonly grid: Grid;
  /** Number of each node's state in STATES. */
  readonly states: Uint8Array;
  /** 1: stuck. */
  readonly stuck: Uint8Array;
  /** Number of each edge's Track. */
  readonly tracks: Uint8Array;
  readonly labels = new Map<number, Label>();

  constructor(
    readonly graph: Graph,
    arranged: Arranged,
  ) {
    this.at = arranged.at;
    const grid = new Grid(arranged.at, graph.size);
    const around = (source: number, target: number, out: Float64Array): number =>
      clearWay(grid, arranged.at, source, target, NODE_HEIGHT / 2, out);
    // A layout that leads edges itself has led those that need it.
    const led = arranged.routed.size > 0 || graph.edges > ROUTED_MAX;
    this.ways = waysOf(graph.sources, graph.targets, arranged.at, arranged.routed, led ? null : around);
    this.grid = grid;
    this.states = new Uint8Array(graph.size);
    this.stuck = new Uint8Array(graph.size);
    this.tracks = new Uint8Array(graph.edges);
  }

  /** Takes the states of some nodes, given by id; unknown ids are passed over. Gives the numbers of those nodes. */
  update(nodes: ReadonlyMap<string, NodeRun>, ids: Iterable<string>, stuck: ReadonlySet<string>): number[] {
    const changed: number[] = [];
    const edges = new Set<number>();
    for (const id of ids) {
      const node = this.graph.index.get(id);
      if (node === undefined) continue;
      const run = nodes.get(id);
      changed.push(node);
      this.states[node] = CODES.get(run?.state ?? "pending") ?? PENDING;
      this.stuck[node] = stuck.has(id) ? 1 : 0;
      for (const edge of edgesAt(this.graph.into, node)) edges.add(edge);
      for (const edge of edgesAt(this.graph.outOf, node)) edges.add(edge);
      this.label(node, run);
    }
    for (const edge of edges) {
      const source = nodes.get(this.graph.ids[this.graph.sources[edge] ?? 0] ?? "");
      const target = nodes.get(this.graph.ids[this.graph.targets[edge] ?? 0] ?? "");
      this.tracks[edge] = track(source, target, this.graph.ports[edge] ?? "out");
    }
    return changed;
  }

  private label(node: number, run: NodeRun | undefined): void {
    const rows = run?.state === "succeeded" ? (run.output?.row_count ?? null) : null;
    if (rows === null) {
      this.labels.delete(node);
      return;
    }
    const text = count(rows);
    const known = this.labels.get(node);
    const place = known ?? this.labelPlace(node);
    if (place && known?.text !== text) this.labels.set(node, { ...place, text });
  }

  /** Words are on edges, and one speaks for a node: they are kept by node. */
  private labelPlace(node: number): { x: number; y: number } | null {
    const edge = wordEdge(this.graph, this.ways, node);
    if (edge < 0) return null;
    const { x, y } = wordPlace(this.ways, edge);
    return { x, y };
  }

  key(node: number): string {
    return String(node);
  }
  find(key: string): number {
    return Number(key);
  }
}
