/** Dragging nodes: the picture follows at once, the document with one edit at the end. */

import { edgesAt, NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import type { DragHandler } from "../gestures";
import { boxOf } from "../picture";
import type { EditBoard } from "./board";
import { type Neighbour, snap } from "./snap";

/** Distance within which nodes snap, in pixels. */
const SNAP_PIXELS = 7;
/** With more neighbours in view, nodes only snap to the grid. */
const NEIGHBOURS_MAX = 600;

export class NodeDrag implements DragHandler {
  private readonly startPoint: Position;
  /** Positions of the dragged nodes at the start. */
  private startPositions = new Map<number, Position>();
  private connected: ReadonlySet<number> = new Set();
  private began = false;

  constructor(
    private readonly board: EditBoard,
    private readonly node: number,
    event: PointerEvent,
  ) {
    this.startPoint = board.toGraph(event.clientX, event.clientY);
  }

  private begin(): void {
    const { board, node } = this;
    this.began = true;
    if (!board.chosen.has(node)) board.choose([board.scene.key(node)]);
    for (const one of board.chosen)
      this.startPositions.set(one, { x: board.scene.at[2 * one] ?? 0, y: board.scene.at[2 * one + 1] ?? 0 });
    this.connected = board.connectedNodes(node);
    board.surface.frame.stage.classList.add("dragging");
    board.surface.fitted = false;
  }

  move(event: PointerEvent): void {
    if (!this.began) this.begin();
    const { board, node, startPositions } = this;
    const { viewport } = board.surface;
    const { x, y } = board.toGraph(event.clientX, event.clientY);
    const own = startPositions.get(node);
    if (!own) return;
    const wished = { x: own.x + x - this.startPoint.x, y: own.y + y - this.startPoint.y };
    const to = event.altKey
      ? { x: Math.round(wished.x), y: Math.round(wished.y), guides: [] }
      : snap(wished.x, wished.y, this.neighbours(), SNAP_PIXELS / viewport.zoom);
    board.scene.moveAll(
      [...startPositions].map(([one, from]) => [one, { x: from.x + to.x - own.x, y: from.y + to.y - own.y }]),
    );
    board.overlay.state.guides = to.guides;
    board.overlay.state.highlightedEdge = this.edgeUnder(event.altKey);
    board.surface.positionsChanging();
  }

  private neighbours(): Neighbour[] {
    const { board, startPositions } = this;
    const found: Neighbour[] = [];
    board.scene.grid.within(board.surface.viewport.box(), (node) => {
      if (found.length <= NEIGHBOURS_MAX && !startPositions.has(node))
        found.push({
          x: board.scene.at[2 * node] ?? 0,
          y: board.scene.at[2 * node + 1] ?? 0,
          connected: this.connected.has(node),
        });
    });
    return found.length > NEIGHBOURS_MAX ? [] : found;
  }

  /** The edge into which the node would be inserted; -1: none. Only nodes without edges are inserted. */
  private edgeUnder(free: boolean): number {
    const { scene, surface } = this.board;
    if (
      free ||
      this.startPositions.size !== 1 ||
      edgesAt(scene.graph.into, this.node).length ||
      edgesAt(scene.graph.outOf, this.node).length
    )
      return -1;
    const box = boxOf(scene, this.node);
    const x = (box.left + NODE_WIDTH / 2) * surface.viewport.zoom + surface.viewport.x;
    const y = (box.top + NODE_HEIGHT / 2) * surface.viewport.zoom + surface.viewport.y;
    return this.board.edgeAt(x, y, 16);
  }

  end(done: boolean): void {
    if (!this.began) return;
    const { board, startPositions } = this;
    const { scene, surface, overlay } = board;
    const edge = overlay.state.highlightedEdge;
    overlay.state.highlightedEdge = -1;
    overlay.state.guides = [];
    surface.frame.stage.classList.remove("dragging");
    const to = new Map<string, Position>();
    for (const [node, from] of startPositions) {
      const at = { x: scene.at[2 * node] ?? 0, y: scene.at[2 * node + 1] ?? 0 };
      if (done && (at.x !== from.x || at.y !== from.y)) to.set(scene.key(node), at);
    }
    if (!done) scene.moveAll(startPositions);
    surface.positionsChanged();
    if (to.size) board.actions.move(to, edge < 0 ? null : scene.edgeKeyOf(edge));
  }
}
