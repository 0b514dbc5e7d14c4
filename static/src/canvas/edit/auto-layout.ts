/** Automatic layout as one edit, with an animation that shows where each node went. */

import type { Box } from "../../graph/grid";
import { layOut } from "../../graph/layout/layout";
import { GRID, makeGraph, NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../../graph/model";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count } from "../../words/words";
import { boundsOf } from "../picture";
import type { EditBoard } from "./board";

const MOVE_MS = 120;
/** Gaps that put columns and rows on the grid. */
const GAPS = { column: 13 * GRID - NODE_WIDTH, row: 5 * GRID - NODE_HEIGHT };
/** Moves of more nodes than these are not animated. */
const ANIMATED_MAX = 1000;

export class AutoLayout {
  private before: Float64Array | null = null;
  private animation: { from: Float64Array; to: Float64Array; bounds: Box; began: number } | null = null;
  private busy = false;

  constructor(private readonly board: EditBoard) {}

  get isAnimating(): boolean {
    return this.animation !== null;
  }

  /** The box around all nodes at the end of the animation; null: there is no animation. */
  get bounds(): Box | null {
    return this.animation?.bounds ?? null;
  }

  async run(): Promise<void> {
    const { board } = this;
    if (this.busy || !board.scene.graph.size) return;
    this.busy = true;
    try {
      const found = await this.newPositions();
      if (!found) return;
      const { to, label } = found;
      this.before = board.scene.at.slice();
      const done = board.store.edit({ kind: "move", to }, { label });
      this.before = null;
      const places = Float64Array.from([...to.values()].flatMap(({ x, y }) => [x, y]));
      const box = boundsOf({ at: places }, Array(to.size).keys());
      if (box) board.surface.fitBox(box);
      board.surface.announce(
        done ? gettext("Nodes arranged. Press Ctrl Z to undo.") : gettext("The nodes are already arranged."),
      );
    } finally {
      this.busy = false;
    }
  }

  /** New positions of all nodes, or of several selected ones; null: the document was edited meanwhile. */
  private async newPositions(): Promise<{ to: Map<string, Position>; label: string } | null> {
    const { board } = this;
    const { scene, store } = board;
    const part = board.chosen.size > 1 && board.chosen.size < scene.graph.size;
    const nodes = part ? [...board.chosen].sort((a, b) => a - b) : [...scene.graph.ids.keys()];
    const place = new Map(nodes.map((node, at) => [node, at]));
    const lines: [number, number][] = [];
    for (let edge = 0; edge < scene.graph.edges; edge += 1) {
      const source = place.get(scene.graph.sources[edge] ?? -1);
      const target = place.get(scene.graph.targets[edge] ?? -1);
      if (source !== undefined && target !== undefined) lines.push([source, target]);
    }
    const corner = boundsOf(board.scene, nodes) ?? { left: 0, top: 0 };
    const ids = nodes.map((node) => scene.key(node));
    const asked = store.edits;
    const { at } = await layOut(
      makeGraph(
        ids.map((id) => ({ id })),
        lines,
      ),
      GAPS,
    );
    if (store.edits !== asked) return null;
    const [left, top] = [onGrid(corner.left), onGrid(corner.top)];
    const to = new Map(
      ids.map((id, index) => [id, { x: left + onGrid(at[2 * index] ?? 0), y: top + onGrid(at[2 * index + 1] ?? 0) }]),
    );
    const label = part
      ? fill(ngettext("Arrange {n} node", "Arrange {n} nodes", nodes.length), { n: count(nodes.length) })
      : gettext("Arrange nodes");
    return { to, label };
  }

  /** Starts the animation after the positions have changed; returns whether there is one. */
  startAnimation(): boolean {
    const { board, before } = this;
    if (!before || !board.surface.animates || board.scene.graph.size > ANIMATED_MAX) return false;
    this.animation = {
      from: before,
      to: board.scene.at.slice(),
      bounds: board.scene.grid.bounds,
      began: performance.now(),
    };
    this.showShare(0);
    return true;
  }

  private showShare(share: number): void {
    const { board, animation } = this;
    if (!animation) return;
    const between = (at: number): number =>
      (animation.from[at] ?? 0) + ((animation.to[at] ?? 0) - (animation.from[at] ?? 0)) * share;
    board.scene.moveAll(
      board.scene.graph.ids.map((_, node) => [node, { x: between(2 * node), y: between(2 * node + 1) }]),
    );
    board.surface.positionsChanging();
  }

  /** Ends the animation: all nodes are at their new positions. */
  finishAnimation(): void {
    if (!this.animation) return;
    this.showShare(1);
    this.animation = null;
    this.board.surface.positionsChanged();
  }

  step(now: number): boolean {
    const { animation } = this;
    if (!animation) return false;
    const share = Math.max(0, Math.min(1, (now - animation.began) / MOVE_MS));
    if (share >= 1) this.finishAnimation();
    else this.showShare(1 - (1 - share) ** 3);
    return this.animation !== null;
  }
}
