/** Lays the nodes out anew: one edit, and for a moment one sees where each of them went. */

import type { Box } from "../../graph/grid";
import { tidy } from "../../graph/layout/layout";
import { GRID, makeGraph, NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../../graph/model";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count } from "../../words/words";
import type { EditBoard } from "./board";

const MOVE_MS = 120;
/** Columns and rows that stand on the grid. */
const GAPS = { column: 13 * GRID - NODE_WIDTH, row: 5 * GRID - NODE_HEIGHT };
/** More nodes than these are where they are at once. */
const SEEN_MAX = 1000;

function around(places: Iterable<Position>): Box {
  const all = [...places];
  const least = (of: (place: Position) => number): number =>
    all.reduce((best, place) => Math.min(best, of(place)), Infinity);
  const most = (of: (place: Position) => number): number =>
    all.reduce((best, place) => Math.max(best, of(place)), -Infinity);
  return {
    left: least(({ x }) => x),
    top: least(({ y }) => y),
    right: most(({ x }) => x) + NODE_WIDTH,
    bottom: most(({ y }) => y) + NODE_HEIGHT,
  };
}

export class Tidier {
  private before: Float64Array | null = null;
  private going: { from: Float64Array; to: Float64Array; bounds: Box; began: number } | null = null;
  private busy = false;

  constructor(private readonly board: EditBoard) {}

  get goes(): boolean {
    return this.going !== null;
  }

  /** Around all nodes where they are going; null: they stand. */
  get bounds(): Box | null {
    return this.going?.bounds ?? null;
  }

  async tidy(): Promise<void> {
    const { board } = this;
    if (this.busy || !board.scene.graph.size) return;
    this.busy = true;
    try {
      const places = await this.places();
      if (!places) return;
      const { to, label } = places;
      this.before = board.scene.at.slice();
      const done = board.store.edit({ kind: "move", to }, { label });
      this.before = null;
      board.surface.fitBox(around(to.values()));
      board.surface.say(
        done
          ? gettext("The nodes have new places. Ctrl Z takes it back.")
          : gettext("All nodes are in their places already."),
      );
    } finally {
      this.busy = false;
    }
  }

  /** New places of all nodes, or of those chosen when there are several; null: the document was edited meanwhile. */
  private async places(): Promise<{ to: Map<string, Position>; label: string } | null> {
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
    const corner = board.around(nodes) ?? { left: 0, top: 0 };
    const ids = nodes.map((node) => scene.key(node));
    const asked = store.edits;
    const { at } = await tidy(
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
      ? fill(ngettext("Tidy {n} node", "Tidy {n} nodes", nodes.length), { n: count(nodes.length) })
      : gettext("Tidy the graph");
    return { to, label };
  }

  /** Nodes have other places now: whether one is to see them going there. */
  starts(): boolean {
    const { board, before } = this;
    if (!before || !board.surface.smooth || board.scene.graph.size > SEEN_MAX) return false;
    this.going = {
      from: before,
      to: board.scene.at.slice(),
      bounds: board.scene.grid.bounds,
      began: performance.now(),
    };
    this.put(0);
    return true;
  }

  private put(share: number): void {
    const { board, going } = this;
    if (!going) return;
    const between = (at: number): number =>
      (going.from[at] ?? 0) + ((going.to[at] ?? 0) - (going.from[at] ?? 0)) * share;
    board.scene.moveAll(
      board.scene.graph.ids.map((_, node) => [node, { x: between(2 * node), y: between(2 * node + 1) }]),
    );
    board.surface.moving();
  }

  /** Breaks a movement off: everything is where it belongs. */
  settle(): void {
    if (!this.going) return;
    this.put(1);
    this.going = null;
    this.board.surface.replaced();
  }

  step(now: number): boolean {
    const { going } = this;
    if (!going) return false;
    const share = Math.max(0, Math.min(1, (now - going.began) / MOVE_MS));
    if (share >= 1) this.settle();
    else this.put(1 - (1 - share) ** 3);
    return this.going !== null;
  }
}
