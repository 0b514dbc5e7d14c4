/** A wire that is drawn: from a port out of a node, back from a node's way in, or one end of an edge taken elsewhere. Nodes
 * that would close a cycle are known from the first moment on, and say why when the wire is led there. */

import { refusal } from "../../document/verbs";
import { edgeKey, nameOf, sourcePort } from "../../document/document";
import { edgesInto, edgesOutOf } from "../../document/ports";
import { downstreamOf, upstreamOf } from "../../document/reach";
import { NODE_HEIGHT, NODE_WIDTH, onGrid } from "../../graph/model";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { Claim } from "../gestures";
import type { EditBoard } from "./board";

/** How far around a card a wire is drawn to it, in pixels. */
const NEAR = 18;

export interface WireFrom {
  /** Number of the node at the end that stays. */
  readonly node: number;
  /** The port out of it; null: the wire leads into it. */
  readonly port: string | null;
  /** The edge that is taken elsewhere; null: a new one. */
  readonly edge: number;
}

export class Wires {
  private wire: WireFrom | null = null;
  /** Nodes that would close a cycle. */
  private blocked: ReadonlySet<string> = new Set();
  /** Nodes that have such an edge already. */
  private joined: ReadonlySet<string> = new Set();
  /** The node that the wire would be led to; -1: none. */
  aim = -1;
  /** Why not there; null: it may. */
  private why: string | null = null;

  constructor(private readonly board: EditBoard) {}

  get drawing(): boolean {
    return this.wire !== null;
  }

  from(node: number, port: string): Claim {
    return new Drawn(this.board, this, { node, port, edge: -1 });
  }
  to(node: number): Claim {
    return new Drawn(this.board, this, { node, port: null, edge: -1 });
  }
  /** An end of an edge. */
  reconnect(edge: number, end: "source" | "target"): Claim {
    const { graph } = this.board.scene;
    const wire =
      end === "target"
        ? { node: graph.sources[edge] ?? 0, port: graph.ports[edge] ?? "out", edge }
        : { node: graph.targets[edge] ?? 0, port: null, edge };
    return new Drawn(this.board, this, wire);
  }

  begin(wire: WireFrom): void {
    const { board } = this;
    this.wire = wire;
    this.aim = -1;
    this.why = null;
    const id = board.scene.key(wire.node);
    const { doc } = board.store;
    // Without the edge that is taken away its other end may be free again.
    const taken = wire.edge < 0 ? null : board.scene.edges[wire.edge];
    const asked = taken ? { ...doc, edges: doc.edges.filter((edge) => edge !== taken) } : doc;
    this.blocked = wire.port === null ? downstreamOf(asked, id) : upstreamOf(asked, id);
    const twins =
      wire.port === null
        ? edgesInto(doc, id).map((edge) => edge.source)
        : edgesOutOf(doc, id).flatMap((edge) => (sourcePort(edge) === wire.port ? [edge.target] : []));
    this.joined = new Set(twins);
    board.surface.frame.stage.classList.add("wiring", wire.port === null ? "backward" : "forward");
    board.surface.touchAll();
    board.surface.repaint();
  }

  /** What a card shows while a wire is drawn. */
  judged(node: number): "may" | "must not" | "" {
    if (!this.wire || node < 0) return "";
    const id = this.board.scene.key(node);
    if (this.blocked.has(id)) return node === this.wire.node ? "" : "must not";
    return this.joined.has(id) ? "" : "may";
  }

  /** All nodes that it may lead to. */
  allowed(): number[] {
    const { board } = this;
    if (!this.wire) return [];
    const found: number[] = [];
    for (let node = 0; node < board.scene.graph.size; node += 1) {
      const other = board.scene.key(node);
      if (!this.blocked.has(other) && !this.joined.has(other)) found.push(node);
    }
    return found;
  }

  /** Leads it to a node; -1: to none. Gives why it may not end there. */
  lead(node: number, port?: string): string | null {
    const { wire, board } = this;
    if (!wire) return null;
    if (node !== this.aim) {
      board.surface.touch(this.aim);
      board.surface.touch(node);
      this.aim = node;
      this.why = node < 0 ? null : this.judge(wire, node, port);
      board.surface.repaint();
    }
    return this.why;
  }

  private judge(wire: WireFrom, node: number, port?: string): string | null {
    const { board } = this;
    const { doc } = board.store;
    const but = wire.edge < 0 ? null : (board.scene.edges[wire.edge] ?? null);
    const [source, target] = wire.port === null ? [node, wire.node] : [wire.node, node];
    const out = wire.port ?? port ?? board.scene.ports(node)[0] ?? "out";
    const from = { node: board.scene.key(source), port: out };
    const to = board.scene.key(target);
    if (but && but.source === from.node && sourcePort(but) === out && but.target === to) return null;
    return refusal(doc, board.page.types, from, to, but);
  }

  /** To the node it leads to, if any; whether an edge came of it. */
  finish(port?: string): boolean {
    const { wire, aim, why, board } = this;
    this.end();
    if (!wire || aim < 0) return false;
    if (why !== null) {
      board.acts.refuse(why);
      return false;
    }
    const own = board.scene.key(wire.node);
    const other = board.scene.key(aim);
    if (wire.edge >= 0) {
      const edge = board.scene.edges[wire.edge];
      if (
        !edge ||
        (wire.port === null
          ? edge.source === other && (port === undefined || port === sourcePort(edge))
          : edge.target === other)
      )
        return false;
      return board.acts.reconnect(edgeKey(edge), wire.port === null ? "source" : "target", other, port);
    }
    if (wire.port === null)
      return board.acts.connect({ node: other, port: port ?? board.scene.ports(aim)[0] ?? "out" }, own);
    return board.acts.connect({ node: own, port: wire.port }, other);
  }

  end(): void {
    const { board } = this;
    if (!this.wire) return;
    this.wire = null;
    this.aim = -1;
    this.blocked = new Set();
    board.overlay.over.wire = null;
    board.overlay.explain(null);
    board.surface.frame.stage.classList.remove("wiring", "forward", "backward");
    board.surface.touchAll();
    board.surface.repaint();
  }

  /** Draws it from its node to a point, or to the node that it leads to. */
  show(x: number, y: number, port?: string): void {
    const { wire, aim, board } = this;
    if (!wire) return;
    const { at } = board.scene;
    const own = { x: at[2 * wire.node] ?? 0, y: at[2 * wire.node + 1] ?? 0 };
    const out = wire.port !== null;
    const other =
      aim >= 0
        ? { x: at[2 * aim] ?? 0, y: at[2 * aim + 1] ?? 0 }
        : { x: out ? x : x - NODE_WIDTH, y: y - NODE_HEIGHT / 2 };
    const refused = this.why !== null;
    board.overlay.over.wire = out
      ? { ax: own.x, ay: own.y, bx: other.x, by: other.y, port: board.scene.portOf(wire.node, wire.port), refused }
      : {
          ax: other.x,
          ay: other.y,
          bx: own.x,
          by: own.y,
          port: aim >= 0 ? board.scene.portOf(aim, port ?? board.scene.ports(aim)[0] ?? "out") : NODE_HEIGHT / 2,
          refused,
        };
    board.surface.ask();
  }

  /** The sentence that a screen reader speaks for a wire that is about to end somewhere. */
  said(): string {
    const node = this.aim < 0 ? undefined : this.board.nodeOf(this.board.scene.key(this.aim));
    return node ? (this.why ?? fill(gettext("To {name}"), { name: visible(nameOf(node)) })) : "";
  }
}

/** A wire that follows the pointer. */
class Drawn implements Claim {
  private began = false;
  private port: string | undefined;
  private last = { x: 0, y: 0, clientX: 0, clientY: 0 };

  constructor(
    private readonly board: EditBoard,
    private readonly wires: Wires,
    private readonly wire: WireFrom,
  ) {}

  move(event: PointerEvent): void {
    const { board, wires } = this;
    if (!this.began) {
      this.began = true;
      wires.begin(this.wire);
    }
    const { x, y } = board.toGraph(event.clientX, event.clientY);
    this.last = { x, y, clientX: event.clientX, clientY: event.clientY };
    const node = this.below(x, y);
    this.port = node >= 0 && this.wire.port === null ? this.portBelow(node, y) : undefined;
    const why = wires.lead(node, this.port);
    const place = board.surface.place(event);
    board.overlay.explain(why, place.x, place.y);
    wires.show(x, y, this.port);
  }

  /** The node under or right beside a point. */
  private below(x: number, y: number): number {
    const { scene, surface } = this.board;
    const near = NEAR / surface.view.zoom;
    let best = -1;
    let least = Infinity;
    scene.grid.within({ left: x - near, top: y - near / 2, right: x + near, bottom: y + near / 2 }, (node) => {
      if (node === this.wire.node) return;
      const away = Math.hypot(
        (scene.at[2 * node] ?? 0) + NODE_WIDTH / 2 - x,
        (scene.at[2 * node + 1] ?? 0) + NODE_HEIGHT / 2 - y,
      );
      if (away < least) {
        least = away;
        best = node;
      }
    });
    return best;
  }

  private portBelow(node: number, y: number): string | undefined {
    const { scene } = this.board;
    const below = y - (scene.at[2 * node + 1] ?? 0);
    return [...scene.ports(node)].sort(
      (a, b) => Math.abs(scene.portOf(node, a) - below) - Math.abs(scene.portOf(node, b) - below),
    )[0];
  }

  end(done: boolean): void {
    const { board, wires, wire, last } = this;
    if (!this.began) return;
    if (!done || wires.aim >= 0) {
      if (done) wires.finish(this.port);
      else wires.end();
      return;
    }
    wires.end();
    // What was there stays as it was.
    if (wire.edge >= 0) return;
    const client = { x: last.clientX, y: last.clientY };
    const node = board.scene.key(wire.node);
    const y = onGrid(last.y - NODE_HEIGHT / 2);
    if (wire.port === null)
      board.page.openTypeMenu({ at: { x: onGrid(last.x - NODE_WIDTH), y }, to: { node }, client });
    else board.page.openTypeMenu({ at: { x: onGrid(last.x), y }, from: { node, port: wire.port }, client });
  }
}
