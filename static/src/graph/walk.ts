/** Keyboard navigation in the graph: along edges to the left and right, among siblings up and down. Pure. */

import { edgesAt, type Graph } from "./model";

export type Direction = "left" | "right" | "up" | "down";

/** Returns the next node in a direction; -1: none.
 *
 * Left and right follow an edge to the neighbour nearest in height. Up and down go to the next node with a common source
 * or target, else to the next one in the same column.
 */
export function neighbour(graph: Graph, at: Float64Array, node: number, direction: Direction): number {
  const x = at[2 * node] ?? 0;
  const y = at[2 * node + 1] ?? 0;
  let best = -1;
  let least = Infinity;
  const offer = (other: number, distance: number): void => {
    if (other !== node && (distance < least || (distance === least && other < best))) {
      least = distance;
      best = other;
    }
  };
  if (direction === "left" || direction === "right") {
    const links = direction === "left" ? graph.into : graph.outOf;
    const ends = direction === "left" ? graph.sources : graph.targets;
    for (const edge of edgesAt(links, node)) {
      const other = ends[edge] ?? 0;
      offer(other, Math.abs((at[2 * other + 1] ?? 0) - y) + Math.abs((at[2 * other] ?? 0) - x) / 4);
    }
    return best;
  }
  const sign = direction === "up" ? -1 : 1;
  const consider = (other: number): void => {
    const away = ((at[2 * other + 1] ?? 0) - y) * sign;
    if (away > 0) offer(other, away + Math.abs((at[2 * other] ?? 0) - x) / 4);
  };
  for (const edge of edgesAt(graph.into, node))
    for (const twin of edgesAt(graph.outOf, graph.sources[edge] ?? 0)) consider(graph.targets[twin] ?? 0);
  for (const edge of edgesAt(graph.outOf, node))
    for (const twin of edgesAt(graph.into, graph.targets[edge] ?? 0)) consider(graph.sources[twin] ?? 0);
  if (best >= 0) return best;
  for (let other = 0; other < graph.size; other += 1) if (Math.abs((at[2 * other] ?? 0) - x) < 120) consider(other);
  if (best >= 0) return best;
  for (let other = 0; other < graph.size; other += 1) {
    const away = ((at[2 * other + 1] ?? 0) - y) * sign;
    if (away > 0) offer(other, away + Math.abs((at[2 * other] ?? 0) - x));
  }
  return best;
}
