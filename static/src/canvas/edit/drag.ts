/** A drag of nodes: the picture moves at once, the document with one edit at the end. */

import { edgesAt, NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import type { Claim } from "../gestures";
import { boxOf } from "../scene";
import type { EditBoard } from "./board";
import { type Neighbour, snap } from "./snap";

/** How near a level must be, in pixels. */
const REACH = 7;
/** Of more neighbours in view, no level is looked for. */
const NEIGHBOURS_MAX = 600;

export class Drag implements Claim {
  private readonly start: Position;
  /** Where the moved nodes stood. */
  private origin = new Map<number, Position>();
  private joined: ReadonlySet<number> = new Set();
  private began = false;

  constructor(
    private readonly board: EditBoard,
    private readonly node: number,
    event: PointerEvent,
  ) {
    this.start = board.toGraph(event.clientX, event.clientY);
  }

  private begin(): void {
    const { board, node } = this;
    this.began = true;
    if (!board.chosen.has(node)) board.choose([board.scene.key(node)]);
    for (const one of board.chosen)
      this.origin.set(one, { x: board.scene.at[2 * one] ?? 0, y: board.scene.at[2 * one + 1] ?? 0 });
    this.joined = board.joined(node);
    board.surface.frame.stage.classList.add("dragging");
    board.surface.fitted = false;
  }

  move(event: PointerEvent): void {
    if (!this.began) this.begin();
    const { board, node, origin } = this;
    const { view } = board.surface;
    const { x, y } = board.toGraph(event.clientX, event.clientY);
    const own = origin.get(node);
    if (!own) return;
    const wished = { x: own.x + x - this.start.x, y: own.y + y - this.start.y };
    const to = event.altKey
      ? { x: Math.round(wished.x), y: Math.round(wished.y), guides: [] }
      : snap(wished.x, wished.y, this.neighbours(), REACH / view.zoom);
    board.scene.moveAll(
      [...origin].map(([one, from]) => [one, { x: from.x + to.x - own.x, y: from.y + to.y - own.y }]),
    );
    board.overlay.over.guides = to.guides;
    board.overlay.over.lit = this.edgeBelow(event.altKey);
    board.surface.moving();
  }

  private neighbours(): Neighbour[] {
    const { board, origin } = this;
    const found: Neighbour[] = [];
    board.scene.grid.within(board.surface.view.box(), (node) => {
      if (found.length <= NEIGHBOURS_MAX && !origin.has(node))
        found.push({
          x: board.scene.at[2 * node] ?? 0,
          y: board.scene.at[2 * node + 1] ?? 0,
          joined: this.joined.has(node),
        });
    });
    return found.length > NEIGHBOURS_MAX ? [] : found;
  }

  /** The edge into which the node would go: only one that no edge holds goes in by itself. */
  private edgeBelow(free: boolean): number {
    const { scene, surface } = this.board;
    if (
      free ||
      this.origin.size !== 1 ||
      edgesAt(scene.graph.into, this.node).length ||
      edgesAt(scene.graph.outOf, this.node).length
    )
      return -1;
    const box = boxOf(scene, this.node);
    const x = (box.left + NODE_WIDTH / 2) * surface.view.zoom + surface.view.x;
    const y = (box.top + NODE_HEIGHT / 2) * surface.view.zoom + surface.view.y;
    return this.board.edgeAt(x, y, 16);
  }

  end(done: boolean): void {
    if (!this.began) return;
    const { board, origin } = this;
    const { scene, surface, overlay } = board;
    const edge = overlay.over.lit;
    overlay.over.lit = -1;
    overlay.over.guides = [];
    surface.frame.stage.classList.remove("dragging");
    const to = new Map<string, Position>();
    for (const [node, from] of origin) {
      const at = { x: scene.at[2 * node] ?? 0, y: scene.at[2 * node + 1] ?? 0 };
      if (done && (at.x !== from.x || at.y !== from.y)) to.set(scene.key(node), at);
    }
    if (!done) scene.moveAll(origin);
    surface.replaced();
    if (to.size) board.acts.move(to, edge < 0 ? null : scene.keyOf(edge));
  }
}
