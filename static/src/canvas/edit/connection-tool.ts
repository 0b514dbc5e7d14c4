/** Drawing connections: from an output port, backwards from an input, or by moving one end of an edge. Nodes that would
 * close a cycle are computed at the start; pointing at one explains why it cannot be connected. */

import { refusal } from "../../document/connection-verbs";
import { edgeKey, nameOf, sourcePort } from "../../document/document";
import { edgesInto, edgesOutOf } from "../../document/ports";
import { downstreamOf, upstreamOf } from "../../document/reach";
import { NODE_HEIGHT, NODE_WIDTH, onGrid } from "../../graph/model";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { DragHandler } from "../gestures";
import type { EditBoard } from "./board";

/** Distance around a card within which a connection snaps to it, in pixels. */
const CARD_MARGIN = 18;

interface ConnectionStart {
  /** Number of the node at the fixed end. */
  readonly node: number;
  /** Its output port; null: the connection leads into it. */
  readonly port: string | null;
  /** The edge that is being reconnected; -1: a new one. */
  readonly edge: number;
}

export class ConnectionTool {
  private start: ConnectionStart | null = null;
  /** Nodes that would close a cycle. */
  private blocked: ReadonlySet<string> = new Set();
  /** Nodes that are connected already. */
  private connected: ReadonlySet<string> = new Set();
  /** The node at the free end; -1: none. */
  target = -1;
  /** Why it cannot be connected; null: it can. */
  private refusal: string | null = null;

  constructor(private readonly board: EditBoard) {}

  get drawing(): boolean {
    return this.start !== null;
  }

  dragFrom(node: number, port: string): DragHandler {
    return new ConnectionDrag(this.board, this, { node, port, edge: -1 });
  }
  dragInto(node: number): DragHandler {
    return new ConnectionDrag(this.board, this, { node, port: null, edge: -1 });
  }
  /** Moves one end of an edge. */
  dragEnd(edge: number, end: "source" | "target"): DragHandler {
    const { graph } = this.board.scene;
    const start =
      end === "target"
        ? { node: graph.sources[edge] ?? 0, port: graph.ports[edge] ?? "out", edge }
        : { node: graph.targets[edge] ?? 0, port: null, edge };
    return new ConnectionDrag(this.board, this, start);
  }

  begin(start: ConnectionStart): void {
    const { board } = this;
    this.start = start;
    this.target = -1;
    this.refusal = null;
    const id = board.scene.key(start.node);
    const { doc } = board.store;
    // Without the edge that is being moved, other targets may be possible.
    const taken = start.edge < 0 ? null : board.scene.edges[start.edge];
    const asked = taken ? { ...doc, edges: doc.edges.filter((edge) => edge !== taken) } : doc;
    this.blocked = start.port === null ? downstreamOf(asked, id) : upstreamOf(asked, id);
    const twins =
      start.port === null
        ? edgesInto(doc, id).map((edge) => edge.source)
        : edgesOutOf(doc, id).flatMap((edge) => (sourcePort(edge) === start.port ? [edge.target] : []));
    this.connected = new Set(twins);
    board.surface.frame.stage.classList.add("wiring", start.port === null ? "backward" : "forward");
    board.surface.invalidateAllCards();
    board.surface.repaint();
  }

  /** How a card is shown while a connection is drawn. */
  connectability(node: number): "may" | "must not" | "" {
    if (!this.start || node < 0) return "";
    const id = this.board.scene.key(node);
    if (this.blocked.has(id)) return node === this.start.node ? "" : "must not";
    return this.connected.has(id) ? "" : "may";
  }

  /** All nodes that can be connected. */
  possibleTargets(): number[] {
    const { board } = this;
    if (!this.start) return [];
    const found: number[] = [];
    for (let node = 0; node < board.scene.graph.size; node += 1) {
      const other = board.scene.key(node);
      if (!this.blocked.has(other) && !this.connected.has(other)) found.push(node);
    }
    return found;
  }

  /** Sets the target (-1: none); returns why it cannot be connected, or null. */
  setTarget(node: number, port?: string): string | null {
    const { start, board } = this;
    if (!start) return null;
    if (node !== this.target) {
      board.surface.invalidateCard(this.target);
      board.surface.invalidateCard(node);
      this.target = node;
      this.refusal = node < 0 ? null : this.refusalFor(start, node, port);
      board.surface.repaint();
    }
    return this.refusal;
  }

  private refusalFor(start: ConnectionStart, node: number, port?: string): string | null {
    const { board } = this;
    const { doc } = board.store;
    const but = start.edge < 0 ? null : (board.scene.edges[start.edge] ?? null);
    const [source, target] = start.port === null ? [node, start.node] : [start.node, node];
    const out = start.port ?? port ?? board.scene.ports(node)[0] ?? "out";
    const from = { node: board.scene.key(source), port: out };
    const to = board.scene.key(target);
    if (but && but.source === from.node && sourcePort(but) === out && but.target === to) return null;
    return refusal(doc, board.page.types, from, to, but);
  }

  /** Connects to the present target; returns whether that made an edge. */
  finish(port?: string): boolean {
    const { start, target, refusal: why, board } = this;
    this.cancel();
    if (!start || target < 0) return false;
    if (why !== null) {
      board.actions.refuse(why);
      return false;
    }
    const own = board.scene.key(start.node);
    const other = board.scene.key(target);
    if (start.edge >= 0) {
      const edge = board.scene.edges[start.edge];
      if (
        !edge ||
        (start.port === null
          ? edge.source === other && (port === undefined || port === sourcePort(edge))
          : edge.target === other)
      )
        return false;
      return board.actions.reconnect(edgeKey(edge), start.port === null ? "source" : "target", other, port);
    }
    if (start.port === null)
      return board.actions.connect({ node: other, port: port ?? board.scene.ports(target)[0] ?? "out" }, own);
    return board.actions.connect({ node: own, port: start.port }, other);
  }

  cancel(): void {
    const { board } = this;
    if (!this.start) return;
    this.start = null;
    this.target = -1;
    this.blocked = new Set();
    board.overlay.state.connection = null;
    board.overlay.showHint(null);
    board.surface.frame.stage.classList.remove("wiring", "forward", "backward");
    board.surface.invalidateAllCards();
    board.surface.repaint();
  }

  /** Draws the connection to a point, or to its target. */
  draw(x: number, y: number, port?: string): void {
    const { start, target, board } = this;
    if (!start) return;
    const { at } = board.scene;
    const own = { x: at[2 * start.node] ?? 0, y: at[2 * start.node + 1] ?? 0 };
    const out = start.port !== null;
    const other =
      target >= 0
        ? { x: at[2 * target] ?? 0, y: at[2 * target + 1] ?? 0 }
        : { x: out ? x : x - NODE_WIDTH, y: y - NODE_HEIGHT / 2 };
    const refused = this.refusal !== null;
    board.overlay.state.connection = out
      ? {
          ax: own.x,
          ay: own.y,
          bx: other.x,
          by: other.y,
          port: board.scene.portOffsetOf(start.node, start.port),
          refused,
        }
      : {
          ax: other.x,
          ay: other.y,
          bx: own.x,
          by: own.y,
          port:
            target >= 0
              ? board.scene.portOffsetOf(target, port ?? board.scene.ports(target)[0] ?? "out")
              : NODE_HEIGHT / 2,
          refused,
        };
    board.surface.requestFrame();
  }

  /** Describes the present target for screen readers. */
  description(): string {
    const node = this.target < 0 ? undefined : this.board.nodeOf(this.board.scene.key(this.target));
    return node ? (this.refusal ?? fill(gettext("To {name}"), { name: visible(nameOf(node)) })) : "";
  }
}

/** Draws a connection by pointer. */
class ConnectionDrag implements DragHandler {
  private began = false;
  private port: string | undefined;
  private last = { x: 0, y: 0, clientX: 0, clientY: 0 };

  constructor(
    private readonly board: EditBoard,
    private readonly tool: ConnectionTool,
    private readonly start: ConnectionStart,
  ) {}

  move(event: PointerEvent): void {
    const { board, tool } = this;
    if (!this.began) {
      this.began = true;
      tool.begin(this.start);
    }
    const { x, y } = board.toGraph(event.clientX, event.clientY);
    this.last = { x, y, clientX: event.clientX, clientY: event.clientY };
    const node = this.below(x, y);
    this.port = node >= 0 && this.start.port === null ? this.portBelow(node, y) : undefined;
    const why = tool.setTarget(node, this.port);
    const place = board.surface.pointOf(event);
    board.overlay.showHint(why, place.x, place.y);
    tool.draw(x, y, this.port);
  }

  /** The node at or right beside a point. */
  private below(x: number, y: number): number {
    const { scene, surface } = this.board;
    const near = CARD_MARGIN / surface.viewport.zoom;
    let best = -1;
    let least = Infinity;
    scene.grid.within({ left: x - near, top: y - near / 2, right: x + near, bottom: y + near / 2 }, (node) => {
      if (node === this.start.node) return;
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
      (a, b) => Math.abs(scene.portOffsetOf(node, a) - below) - Math.abs(scene.portOffsetOf(node, b) - below),
    )[0];
  }

  end(done: boolean): void {
    const { board, tool, start, last } = this;
    if (!this.began) return;
    if (!done || tool.target >= 0) {
      if (done) tool.finish(this.port);
      else tool.cancel();
      return;
    }
    tool.cancel();
    // What was there stays as it was.
    if (start.edge >= 0) return;
    const client = { x: last.clientX, y: last.clientY };
    const node = board.scene.key(start.node);
    const y = onGrid(last.y - NODE_HEIGHT / 2);
    if (start.port === null)
      board.page.openTypeMenu({ at: { x: onGrid(last.x - NODE_WIDTH), y }, to: { node }, client });
    else board.page.openTypeMenu({ at: { x: onGrid(last.x), y }, from: { node, port: start.port }, client });
  }
}
