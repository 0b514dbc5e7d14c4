/** The picture of the edited document, updated step by step: a moved node only updates its edges and its place in the grid.
 * Pure. */

import {
  type Difference,
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  nameOf,
  onlyOrders,
  sourcePort,
  typeOf,
} from "../../document/document";
import type { Box } from "../../graph/grid";
import { COORDINATE_MAX, MovingGrid } from "../../graph/moving-grid";
import { edgesAt, type Graph, makeGraph, NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import { pathAroundNodes, ROUTED_MAX, influenceBox } from "../../graph/route";
import { MutableEdgePaths } from "../../graph/edge-path";
import { type EdgeLabel, NEUTRAL, type Picture, EdgeStyle, labelEdge, labelPosition } from "../picture";

/** What the scene needs to know besides the document. */
export interface SceneContext {
  /** Icon of each node type. */
  readonly icons: ReadonlyMap<string, string>;
  /** Output ports of a node, from top to bottom. */
  ports(node: DocNode): readonly string[];
  position(node: DocNode): Position;
  /** The number of rows of a node's output, as a label; null: unknown. */
  rowCount(id: string): { readonly text: string; readonly outdated: boolean } | null;
}

interface SceneChange {
  /** Nodes and edges have new numbers. */
  readonly rebuilt: boolean;
  /** Nodes whose cards changed; most edits change no card. */
  readonly nodes: readonly number[];
  /** Whether positions changed. */
  readonly moved: boolean;
}

/** Vertical offset of an output port from the card's corner. */
export const portOffset = (ports: number, which: number): number =>
  Math.round((NODE_HEIGHT * 2 * (which + 1)) / (ports + 1)) / 2;

const clampCoordinate = (value: number): number => Math.max(-COORDINATE_MAX, Math.min(COORDINATE_MAX, value)) || 0;
/** If more nodes move, it is quicker to look at each edge once. */
const REROUTE_ONE_BY_ONE_MAX = 20;
/** So many names of ports fit on a card; more are shown on the edges. */
export const NAMED_PORTS_MAX = 3;
/** Characters of a port's name that are shown. */
const PORT_MAX = 24;

export class EditScene implements Picture {
  graph!: Graph;
  at!: Float64Array;
  paths!: MutableEdgePaths;
  grid!: MovingGrid;
  states!: Uint8Array;
  stuck!: Uint8Array;
  edgeStyles!: Uint8Array;
  readonly labels = new Map<number, EdgeLabel>();
  /** The document's edges by number. */
  edges: readonly DocEdge[] = [];
  /** Whether edges are routed around nodes. */
  private routesAroundNodes = false;
  private names: string[] = [];
  private types: string[] = [];
  private outPorts: (readonly string[])[] = [];

  constructor(
    doc: Doc,
    private readonly context: SceneContext,
  ) {
    this.build(doc);
  }

  private build(doc: Doc): void {
    const { context } = this;
    const index = new Map(doc.nodes.map((node, at) => [node.id, at]));
    const edges: DocEdge[] = [];
    const lines: [number, number, string, boolean][] = [];
    for (const edge of doc.edges) {
      const source = index.get(edge.source);
      const target = index.get(edge.target);
      if (source === undefined || target === undefined || source === target) continue;
      edges.push(edge);
      lines.push([source, target, sourcePort(edge), onlyOrders(edge)]);
    }
    this.edges = edges;
    this.names = doc.nodes.map(nameOf);
    this.types = doc.nodes.map(typeOf);
    const graph = makeGraph(doc.nodes, lines, context.icons);
    // Names and types are updated in place later on.
    this.graph = { ...graph, names: this.names, types: this.types };
    this.outPorts = doc.nodes.map((node) => context.ports(node));
    this.at = new Float64Array(2 * graph.size);
    doc.nodes.forEach((node, at) => {
      const { x, y } = context.position(node);
      this.at[2 * at] = clampCoordinate(x);
      this.at[2 * at + 1] = clampCoordinate(y);
    });
    this.grid = new MovingGrid(this.at, graph.size);
    this.paths = new MutableEdgePaths(graph.edges);
    this.routesAroundNodes = graph.edges <= ROUTED_MAX;
    for (let edge = 0; edge < graph.edges; edge += 1) this.route(edge);
    this.states = new Uint8Array(graph.size).fill(NEUTRAL);
    this.stuck = new Uint8Array(graph.size);
    this.edgeStyles = new Uint8Array(graph.edges).fill(EdgeStyle.idle);
    this.updateAllLabels();
  }

  /** Updates the picture for another document. */
  update(doc: Doc, diff: Difference): SceneChange {
    const changed = diff.changed.map((id) => this.graph.index.get(id) ?? -1);
    if (
      diff.added.length ||
      diff.removed.length ||
      diff.edges ||
      changed.some((node, at) => node < 0 || doc.nodes[node]?.id !== diff.changed[at])
    ) {
      this.build(doc);
      return { rebuilt: true, nodes: [], moved: true };
    }
    const to: [number, Position][] = [];
    const looks: number[] = [];
    for (const number of changed) {
      const node = doc.nodes[number];
      if (!node) continue;
      const name = nameOf(node);
      const type = typeOf(node);
      const ports = this.context.ports(node);
      const before = this.outPorts[number] ?? [];
      const others = ports.length !== before.length || ports.some((port, at) => port !== before[at]);
      if (others || name !== this.names[number] || type !== this.types[number]) looks.push(number);
      this.names[number] = name;
      this.types[number] = type;
      this.outPorts[number] = ports;
      to.push([number, this.context.position(node)]);
      if (others) this.rerouteNode(number);
    }
    const moved = this.moveAll(to);
    return { rebuilt: false, nodes: looks, moved };
  }

  /** Moves nodes by number; returns whether any position changed. */
  moveAll(to: Iterable<readonly [number, Position]>): boolean {
    const moved: number[] = [];
    let left = Infinity;
    let top = Infinity;
    let right = -Infinity;
    let bottom = -Infinity;
    const cover = (x: number, y: number): void => {
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + NODE_WIDTH);
      bottom = Math.max(bottom, y + NODE_HEIGHT);
    };
    for (const [node, { x, y }] of to) {
      const toX = clampCoordinate(x);
      const toY = clampCoordinate(y);
      const wasX = this.at[2 * node] ?? 0;
      const wasY = this.at[2 * node + 1] ?? 0;
      if (wasX === toX && wasY === toY) continue;
      cover(wasX, wasY);
      cover(toX, toY);
      this.at[2 * node] = toX;
      this.at[2 * node + 1] = toY;
      this.grid.move(node);
      moved.push(node);
    }
    if (!moved.length) return false;
    if (this.routesAroundNodes || moved.length > REROUTE_ONE_BY_ONE_MAX)
      this.reroute(moved, { left, top, right, bottom });
    else for (const node of moved) this.rerouteNode(node);
    return true;
  }

  /** Routes the edges of moved nodes again, and those whose path the nodes influence before or after the move. */
  private reroute(moved: readonly number[], box: Box): void {
    const { graph } = this;
    const own = new Uint8Array(graph.size);
    for (const node of moved) own[node] = 1;
    const sources = new Set(moved);
    for (let edge = 0; edge < graph.edges; edge += 1) {
      const source = graph.sources[edge] ?? 0;
      const target = graph.targets[edge] ?? 0;
      if (!own[source] && !own[target]) {
        const over = this.routesAroundNodes ? influenceBox(this.at, source, target) : null;
        if (!over || over.left > box.right || over.right < box.left || over.top > box.bottom || over.bottom < box.top)
          continue;
      }
      this.route(edge);
      sources.add(source);
    }
    for (const source of sources) this.updateLabels(source);
  }

  /** Routes all edges of a node again. */
  private rerouteNode(node: number): void {
    const { graph } = this;
    for (const edge of edgesAt(graph.outOf, node)) this.route(edge);
    for (const edge of edgesAt(graph.into, node)) {
      this.route(edge);
      this.updateLabels(graph.sources[edge] ?? 0);
    }
    this.updateLabels(node);
  }

  private route(edge: number): void {
    const { graph, at } = this;
    const source = graph.sources[edge] ?? 0;
    const target = graph.targets[edge] ?? 0;
    const port = this.portOffsetOf(source, graph.ports[edge] ?? "out");
    if (this.routesAroundNodes)
      this.paths.put(edge, pathAroundNodes(this.grid, at, source, target, port, this.paths.buffer));
    else
      this.paths.set(
        edge,
        at[2 * source] ?? 0,
        at[2 * source + 1] ?? 0,
        at[2 * target] ?? 0,
        at[2 * target + 1] ?? 0,
        port,
      );
  }

  ports(node: number): readonly string[] {
    return this.outPorts[node] ?? [];
  }

  /** Vertical offset of an output port; the middle of the card if there is no such port. */
  portOffsetOf(node: number, port: string): number {
    const ports = this.ports(node);
    const which = ports.indexOf(port);
    return which < 0 ? NODE_HEIGHT / 2 : portOffset(ports.length, which);
  }

  updateAllLabels(): void {
    this.labels.clear();
    for (let node = 0; node < this.graph.size; node += 1) this.updateLabels(node);
  }

  /** Updates the labels of a node's edges: names of ports if it has several, else the number of rows. */
  updateLabels(node: number): void {
    const { graph, labels } = this;
    const edges = edgesAt(graph.outOf, node);
    if (!edges.length) return;
    for (const edge of edges) labels.delete(edge);
    const ports = this.ports(node);
    const put = (edge: number, text: string, outdated: boolean): void => {
      const { x, y } = labelPosition(this.paths, edge);
      labels.set(edge, outdated ? { text, x, y, outdated } : { text, x, y });
    };
    if (ports.length !== 1) {
      for (const edge of edges) {
        const port = graph.ports[edge] ?? "";
        if (ports.length > NAMED_PORTS_MAX || !ports.includes(port)) put(edge, port.slice(0, PORT_MAX), false);
      }
      return;
    }
    const rows = this.context.rowCount(graph.ids[node] ?? "");
    const edge = rows ? labelEdge(graph, this.paths, node) : -1;
    if (rows && edge >= 0) put(edge, rows.text, rows.outdated);
  }

  /** The number of an edge by its key; -1: it is not drawn. */
  findEdge(key: string): number {
    const source: unknown = (JSON.parse(key) as unknown[])[0];
    const node = typeof source === "string" ? this.graph.index.get(source) : undefined;
    if (node === undefined) return -1;
    for (const edge of edgesAt(this.graph.outOf, node)) if (this.edgeKeyOf(edge) === key) return edge;
    return -1;
  }

  edgeKeyOf(edge: number): string {
    const known = this.edges[edge];
    return known ? edgeKey(known) : "";
  }

  key(node: number): string {
    return this.graph.ids[node] ?? "";
  }
  find(key: string): number {
    return this.graph.index.get(key) ?? -1;
  }
}
