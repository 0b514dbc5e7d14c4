/** Positions of nodes that the author did not place. They are shown, but not saved. If there are only a few, the first move
 * of a node saves the others along with it, so that the next visit shows the same picture. */

import { type Difference, type Doc, type DocNode, nodeOf, positionOf } from "../../document/document";
import { layeredLayout, ROW_GAP } from "../../graph/layout/layered";
import { NODE_HEIGHT, onGrid, type Position } from "../../graph/model";

/** The positions of more nodes than these are not saved along with a move: saves must stay small. */
export const SAVED_MAX = 500;

export class DerivedPositions {
  private readonly positions = new Map<string, Position>();

  of(id: string): Position {
    return this.positions.get(id) ?? { x: 0, y: 0 };
  }

  /** The position of a node. A position that all nodes share (the origin) does not count. */
  at(node: DocNode): Position {
    const at = positionOf(node);
    return at && (at.x !== 0 || at.y !== 0 || !this.positions.has(node.id)) ? at : this.of(node.id);
  }

  /** Returns whether the node's position is derived. */
  private isDerived(node: DocNode): boolean {
    const at = positionOf(node);
    return !at || (at.x === 0 && at.y === 0 && this.positions.has(node.id));
  }

  set(id: string, place: Position): void {
    this.positions.set(id, place);
  }

  /** Updates the positions for another document. */
  update(doc: Doc, diff: Difference): void {
    const [gone, ...others] = diff.removed;
    const [come, ...more] = diff.added;
    // One node removed and one added: the same node with another id.
    if (
      gone !== undefined &&
      come !== undefined &&
      !others.length &&
      !more.length &&
      this.positions.has(gone) &&
      !this.positions.has(come)
    )
      this.positions.set(come, this.of(gone));
    this.fill(doc, diff.added.concat(diff.changed));
  }

  /** Finds positions below all others for nodes that have none. */
  fill(doc: Doc, ids: readonly string[]): void {
    const without = ids.filter((id) => {
      const node = nodeOf(doc, id);
      return node !== undefined && !positionOf(node) && !this.positions.has(id);
    });
    if (!without.length) return;
    let left = Infinity;
    let bottom = -Infinity;
    const asked = new Set(without);
    for (const node of doc.nodes) {
      if (asked.has(node.id)) continue;
      const at = this.at(node);
      left = Math.min(left, at.x);
      bottom = Math.max(bottom, at.y + NODE_HEIGHT);
    }
    const place = new Map(without.map((id, at) => [id, at]));
    const inner = doc.edges.filter((edge) => place.has(edge.source) && place.has(edge.target));
    const among = (end: "source" | "target"): Int32Array => Int32Array.from(inner, (edge) => place.get(edge[end]) ?? 0);
    const at = layeredLayout({ size: without.length, sources: among("source"), targets: among("target") });
    const x = Number.isFinite(left) ? left : 0;
    const y = Number.isFinite(bottom) ? bottom + ROW_GAP : 0;
    without.forEach((id, index) =>
      this.positions.set(id, { x: onGrid(x + (at[2 * index] ?? 0)), y: onGrid(y + (at[2 * index + 1] ?? 0)) }),
    );
  }

  /** Returns all positions that a move saves: of the moved nodes and, if they are few, all derived ones. */
  toSave(doc: Doc, moved: ReadonlyMap<string, Position>): ReadonlyMap<string, Position> {
    const others = doc.nodes.filter((node) => this.isDerived(node) && !moved.has(node.id));
    if (!others.length || others.length > SAVED_MAX) return moved;
    return new Map([...others.map((node) => [node.id, this.of(node.id)] as const), ...moved]);
  }
}
