/** The picture of a run: its graph with the states of its nodes. Pure. */

import type { Arrangement } from "../../graph/layout/elk";
import { count } from "../../words/words";
import type { NodeRun } from "../../live/protocol";
import { pathAroundNodes, ROUTED_MAX } from "../../graph/route";
import { edgesAt, type Graph, NODE_HEIGHT } from "../../graph/model";
import { Grid } from "../../graph/grid";
import { type EdgeLabel, edgeStyle, labelEdge, labelPosition, PENDING, type Picture, STATE_CODES } from "../picture";
import { type EdgePaths, edgePathsOf } from "../../graph/edge-path";

export class Scene implements Picture {
  readonly at: Float64Array;
  readonly paths: EdgePaths;
  readonly grid: Grid;
  /** The number of each node's state. */
  readonly states: Uint8Array;
  /** 1: stuck. */
  readonly stuck: Uint8Array;
  /** The EdgeStyle of each edge. */
  readonly edgeStyles: Uint8Array;
  readonly labels = new Map<number, EdgeLabel>();

  constructor(
    readonly graph: Graph,
    arranged: Arrangement,
  ) {
    this.at = arranged.at;
    const grid = new Grid(arranged.at, graph.size);
    const around = (source: number, target: number, out: Float64Array): number =>
      pathAroundNodes(grid, arranged.at, source, target, NODE_HEIGHT / 2, out);
    // If the layout routes edges, the others need no detour.
    const led = arranged.routed.size > 0 || graph.edges > ROUTED_MAX;
    this.paths = edgePathsOf(graph.sources, graph.targets, arranged.at, arranged.routed, led ? null : around);
    this.grid = grid;
    this.states = new Uint8Array(graph.size);
    this.stuck = new Uint8Array(graph.size);
    this.edgeStyles = new Uint8Array(graph.edges);
  }

  /** Updates the states of nodes by id, ignoring unknown ids. Returns the numbers of the nodes. */
  update(nodes: ReadonlyMap<string, NodeRun>, ids: Iterable<string>, stuck: ReadonlySet<string>): number[] {
    const changed: number[] = [];
    const edges = new Set<number>();
    for (const id of ids) {
      const node = this.graph.index.get(id);
      if (node === undefined) continue;
      const run = nodes.get(id);
      changed.push(node);
      this.states[node] = STATE_CODES.get(run?.state ?? "pending") ?? PENDING;
      this.stuck[node] = stuck.has(id) ? 1 : 0;
      for (const edge of edgesAt(this.graph.into, node)) edges.add(edge);
      for (const edge of edgesAt(this.graph.outOf, node)) edges.add(edge);
      this.label(node, run);
    }
    for (const edge of edges) {
      const source = nodes.get(this.graph.ids[this.graph.sources[edge] ?? 0] ?? "");
      const target = nodes.get(this.graph.ids[this.graph.targets[edge] ?? 0] ?? "");
      this.edgeStyles[edge] = edgeStyle(source, target, this.graph.ports[edge] ?? "out");
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

  /** Labels are stored by node: one edge shows the number of rows for all edges of its source. */
  private labelPlace(node: number): { x: number; y: number } | null {
    const edge = labelEdge(this.graph, this.paths, node);
    if (edge < 0) return null;
    const { x, y } = labelPosition(this.paths, edge);
    return { x, y };
  }

  key(node: number): string {
    return String(node);
  }
  find(key: string): number {
    return Number(key);
  }
}
