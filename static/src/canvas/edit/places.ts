/** Where nodes stand that nobody placed. Such a place is shown and not saved, and stays while the document is edited; the
 * first move saves those of the others along with it where they are few, so that the picture is the same the next time. */

import { type Difference, type Doc, type DocNode, nodeOf, positionOf } from "../../document/document";
import { layered, ROW_GAP } from "../../graph/layout/layered";
import { NODE_HEIGHT, onGrid, type Position } from "../../graph/model";

/** Places of more nodes than these are not saved for the sake of one that moves: a save must stay small. */
export const PINNED_MAX = 500;

export class Unplaced {
  private readonly known = new Map<string, Position>();

  of(id: string): Position {
    return this.known.get(id) ?? { x: 0, y: 0 };
  }

  /** Where a node stands. A corner that all nodes share says nothing: such nodes have places here as well. */
  at(node: DocNode): Position {
    const at = positionOf(node);
    return at && (at.x !== 0 || at.y !== 0 || !this.known.has(node.id)) ? at : this.of(node.id);
  }

  /** Whether its place is not the document's. */
  private holds(node: DocNode): boolean {
    const at = positionOf(node);
    return !at || (at.x === 0 && at.y === 0 && this.known.has(node.id));
  }

  set(id: string, place: Position): void {
    this.known.set(id, place);
  }

  /** A document came in the place of another. */
  update(doc: Doc, diff: Difference): void {
    const [gone, ...others] = diff.removed;
    const [come, ...more] = diff.added;
    // Another id for the same node.
    if (
      gone !== undefined &&
      come !== undefined &&
      !others.length &&
      !more.length &&
      this.known.has(gone) &&
      !this.known.has(come)
    )
      this.known.set(come, this.of(gone));
    this.fill(doc, diff.added.concat(diff.changed));
  }

  /** Finds places for those of the nodes that have none: below all others. */
  fill(doc: Doc, ids: readonly string[]): void {
    const without = ids.filter((id) => {
      const node = nodeOf(doc, id);
      return node !== undefined && !positionOf(node) && !this.known.has(id);
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
    const at = layered({ size: without.length, sources: among("source"), targets: among("target") });
    const x = Number.isFinite(left) ? left : 0;
    const y = Number.isFinite(bottom) ? bottom + ROW_GAP : 0;
    without.forEach((id, index) =>
      this.known.set(id, { x: onGrid(x + (at[2 * index] ?? 0)), y: onGrid(y + (at[2 * index + 1] ?? 0)) }),
    );
  }

  /** All places that a move of some nodes saves: theirs, and those of the others that nobody placed. */
  pinned(doc: Doc, moved: ReadonlyMap<string, Position>): ReadonlyMap<string, Position> {
    const others = doc.nodes.filter((node) => this.holds(node) && !moved.has(node.id));
    if (!others.length || others.length > PINNED_MAX) return moved;
    return new Map([...others.map((node) => [node.id, this.of(node.id)] as const), ...moved]);
  }
}
