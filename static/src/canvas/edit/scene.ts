/** The picture of a document that is edited. One change touches what it is about: a node that moves takes its edges and its
 * place in the grid along, and everything else stays. Pure. */

import {
  type Difference,
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  nameOf,
  sourcePort,
  typeOf,
} from "../../document/document";
import type { Box } from "../../graph/grid";
import { FURTHEST, LooseGrid } from "../../graph/moving-grid";
import { edgesAt, type Graph, makeGraph, NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import { clearWay, ROUTED_MAX, sayOver } from "../../graph/route";
import { LooseWays } from "../../graph/track";
import { type Label, NEUTRAL, type Picture, Track, wordEdge, wordPlace } from "../scene";

/** What the scene must know beside the document. */
export interface Lore {
  /** Icon of the sprite for each type. */
  readonly icons: ReadonlyMap<string, string>;
  /** Ports out of a node, from top to bottom. */
  ports(node: DocNode): readonly string[];
  place(node: DocNode): Position;
  /** How many rows leave a node, as a word on its edge; null: not known. */
  rows(id: string): { readonly text: string; readonly old: boolean } | null;
}

export interface Changed {
  /** Numbers mean others now: all is anew. */
  readonly rebuilt: boolean;
  /** Nodes that look another way, by number; most of what is typed is seen in no card. */
  readonly nodes: readonly number[];
  /** Whether any stands elsewhere. */
  readonly moved: boolean;
}

/** How far below its corner each of a node's out ports stands. */
export const portAt = (ports: number, which: number): number =>
  Math.round((NODE_HEIGHT * 2 * (which + 1)) / (ports + 1)) / 2;

const near = (value: number): number => Math.max(-FURTHEST, Math.min(FURTHEST, value)) || 0;
/** When more nodes than these move, it is quicker to look at each edge once. */
const REJOINED_MAX = 20;
/** Names of so many ports have room on a card; of more, the edges say them. */
export const NAMED_MAX = 3;
/** A name of a port is a word, not a text. */
const PORT_MAX = 24;

export class EditScene implements Picture {
  graph!: Graph;
  at!: Float64Array;
  ways!: LooseWays;
  grid!: LooseGrid;
  states!: Uint8Array;
  stuck!: Uint8Array;
  tracks!: Uint8Array;
  readonly labels = new Map<number, Label>();
  /** The document's edge of each number. */
  edges: readonly DocEdge[] = [];
  /** Whether edges are led around nodes. */
  private around = false;
  private names: string[] = [];
  private types: string[] = [];
  private outPorts: (readonly string[])[] = [];

  constructor(
    doc: Doc,
    private readonly lore: Lore,
  ) {
    this.build(doc);
  }

  private build(doc: Doc): void {
    const { lore } = this;
    const index = new Map(doc.nodes.map((node, at) => [node.id, at]));
    const edges: DocEdge[] = [];
    const lines: [number, number, string][] = [];
    for (const edge of doc.edges) {
      const source = index.get(edge.source);
      const target = index.get(edge.target);
      if (source === undefined || target === undefined || source === target) continue;
      edges.push(edge);
      lines.push([source, target, sourcePort(edge)]);
    }
    this.edges = edges;
    this.names = doc.nodes.map(nameOf);
    this.types = doc.nodes.map(typeOf);
    const graph = makeGraph(doc.nodes, lines, lore.icons);
    // These two follow what is typed; what the graph is made of stays.
    this.graph = { ...graph, names: this.names, types: this.types };
    this.outPorts = doc.nodes.map((node) => lore.ports(node));
    this.at = new Float64Array(2 * graph.size);
    doc.nodes.forEach((node, at) => {
      const { x, y } = lore.place(node);
      this.at[2 * at] = near(x);
      this.at[2 * at + 1] = near(y);
    });
    this.grid = new LooseGrid(this.at, graph.size);
    this.ways = new LooseWays(graph.edges);
    this.around = graph.edges <= ROUTED_MAX;
    for (let edge = 0; edge < graph.edges; edge += 1) this.route(edge);
    this.states = new Uint8Array(graph.size).fill(NEUTRAL);
    this.stuck = new Uint8Array(graph.size);
    this.tracks = new Uint8Array(graph.edges).fill(Track.idle);
    this.relabelAll();
  }

  /** Takes another document. */
  update(doc: Doc, diff: Difference): Changed {
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
      const ports = this.lore.ports(node);
      const before = this.outPorts[number] ?? [];
      const others = ports.length !== before.length || ports.some((port, at) => port !== before[at]);
      if (others || name !== this.names[number] || type !== this.types[number]) looks.push(number);
      this.names[number] = name;
      this.types[number] = type;
      this.outPorts[number] = ports;
      to.push([number, this.lore.place(node)]);
      if (others) this.rejoin(number);
    }
    const moved = this.moveAll(to);
    return { rebuilt: false, nodes: looks, moved };
  }

  /** Places nodes, by number; whether any stood elsewhere. */
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
      const toX = near(x);
      const toY = near(y);
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
    if (this.around || moved.length > REJOINED_MAX) this.reroute(moved, { left, top, right, bottom });
    else for (const node of moved) this.rejoin(node);
    return true;
  }

  /** The edges at nodes that have moved within a box, and those that led around one of them or must now. */
  private reroute(moved: readonly number[], box: Box): void {
    const { graph } = this;
    const own = new Uint8Array(graph.size);
    for (const node of moved) own[node] = 1;
    const sources = new Set(moved);
    for (let edge = 0; edge < graph.edges; edge += 1) {
      const source = graph.sources[edge] ?? 0;
      const target = graph.targets[edge] ?? 0;
      if (!own[source] && !own[target]) {
        const over = this.around ? sayOver(this.at, source, target) : null;
        if (!over || over.left > box.right || over.right < box.left || over.top > box.bottom || over.bottom < box.top)
          continue;
      }
      this.route(edge);
      sources.add(source);
    }
    for (const source of sources) this.relabel(source);
  }

  /** All edges at a node anew. */
  private rejoin(node: number): void {
    const { graph } = this;
    for (const edge of edgesAt(graph.outOf, node)) this.route(edge);
    for (const edge of edgesAt(graph.into, node)) {
      this.route(edge);
      this.relabel(graph.sources[edge] ?? 0);
    }
    this.relabel(node);
  }

  private route(edge: number): void {
    const { graph, at } = this;
    const source = graph.sources[edge] ?? 0;
    const target = graph.targets[edge] ?? 0;
    const port = this.portOf(source, graph.ports[edge] ?? "out");
    if (this.around) this.ways.put(edge, clearWay(this.grid, at, source, target, port, this.ways.one));
    else
      this.ways.set(
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

  /** How far below a node's corner a port out of it stands; in the middle where it has no such port. */
  portOf(node: number, port: string): number {
    const ports = this.ports(node);
    const which = ports.indexOf(port);
    return which < 0 ? NODE_HEIGHT / 2 : portAt(ports.length, which);
  }

  relabelAll(): void {
    this.labels.clear();
    for (let node = 0; node < this.graph.size; node += 1) this.relabel(node);
  }

  /** The words on the edges out of a node: the port of one that has many, else how many rows leave it. */
  relabel(node: number): void {
    const { graph, labels } = this;
    const edges = edgesAt(graph.outOf, node);
    if (!edges.length) return;
    for (const edge of edges) labels.delete(edge);
    const ports = this.ports(node);
    const put = (edge: number, text: string, old: boolean): void => {
      const { x, y } = wordPlace(this.ways, edge);
      labels.set(edge, old ? { text, x, y, old } : { text, x, y });
    };
    if (ports.length !== 1) {
      for (const edge of edges) {
        const port = graph.ports[edge] ?? "";
        if (ports.length > NAMED_MAX || !ports.includes(port)) put(edge, port.slice(0, PORT_MAX), false);
      }
      return;
    }
    const rows = this.lore.rows(graph.ids[node] ?? "");
    const edge = rows ? wordEdge(graph, this.ways, node) : -1;
    if (rows && edge >= 0) put(edge, rows.text, rows.old);
  }

  /** The number of an edge by its key; -1: it is not drawn. */
  edgeOf(key: string): number {
    const source: unknown = (JSON.parse(key) as unknown[])[0];
    const node = typeof source === "string" ? this.graph.index.get(source) : undefined;
    if (node === undefined) return -1;
    for (const edge of edgesAt(this.graph.outOf, node)) if (this.keyOf(edge) === key) return edge;
    return -1;
  }

  keyOf(edge: number): string {
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
