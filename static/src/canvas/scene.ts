/** What the canvas shows: where nodes and edges lie, and the state of each, in flat arrays that painting can walk. Pure. */

import { Grid } from "../graph/grid";
import type { Arranged } from "../graph/layout";
import { edgesAt, type Graph, NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import { type Ways, waysOf } from "../graph/track";
import type { NodeRun } from "../live/protocol";
import { count } from "../words/words";

/** States of a node run by number. */
export const STATES = ["pending", "ready", "running", "waiting", "retrying", "succeeded", "failed", "timed_out", "cancelled", "skipped", "upstream_failed"] as const;
const CODES: ReadonlyMap<string, number> = new Map(STATES.map((state, code) => [state, code]));
export const PENDING = 0;
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
} as const;
export const TRACKS = 5;

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

/** The count of rows that leave a node, on one of its edges. */
export interface Label {
  readonly text: string;
  /** Middle of the text. */
  readonly x: number;
  readonly y: number;
}

export class Scene {
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
    this.ways = waysOf(graph.sources, graph.targets, arranged.at, arranged.routed);
    this.grid = new Grid(arranged.at, graph.size);
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

  /** On the straight edge out of a node where there is one, else on the first run of its first edge. */
  private labelPlace(node: number): { x: number; y: number } | null {
    const { start, points } = this.ways;
    let first: { x: number; y: number } | null = null;
    for (const edge of edgesAt(this.graph.outOf, node)) {
      const from = start[edge] ?? 0;
      const straight = (start[edge + 1] ?? 0) - from === 4;
      const x1 = points[from] ?? 0;
      const run = (points[from + 2] ?? 0) - x1;
      const place = { x: x1 + (straight ? run / 2 : Math.max(26, run / 2)), y: points[from + 1] ?? 0 };
      // Of a long straight edge only the beginning is surely clear of other nodes.
      if (straight) return run > 3 * NODE_WIDTH ? { x: x1 + 60, y: place.y } : place;
      first ??= place;
    }
    return first;
  }

  /** The node whose corner is nearest to a point; -1: there is none. */
  nearest(x: number, y: number): number {
    let best = -1;
    let least = Infinity;
    for (let node = 0; node < this.graph.size; node += 1) {
      const away = Math.abs((this.at[2 * node] ?? 0) - x) + Math.abs((this.at[2 * node + 1] ?? 0) - y);
      if (away < least) {
        least = away;
        best = node;
      }
    }
    return best;
  }

  box(node: number): { left: number; top: number; right: number; bottom: number } {
    const left = this.at[2 * node] ?? 0;
    const top = this.at[2 * node + 1] ?? 0;
    return { left, top, right: left + NODE_WIDTH, bottom: top + NODE_HEIGHT };
  }
}
