/** What depends on what. Pure; quick enough to be asked while a wire is drawn over 10,000 nodes. */

import type { Doc, DocEdge } from "./document";
import { edgesInto, edgesOutOf } from "./ports";

/** The shortest way along edges, both ends in it; null: there is none. A node leads to itself. */
export function pathBetween(doc: Doc, from: string, to: string): string[] | null {
  if (from === to) return [from];
  const cameFrom = new Map<string, string>([[from, from]]);
  let front = [from];
  while (front.length) {
    const next: string[] = [];
    for (const id of front) {
      for (const { target } of edgesOutOf(doc, id)) {
        if (cameFrom.has(target)) continue;
        cameFrom.set(target, id);
        if (target === to) return wayTo(to, from, cameFrom);
        next.push(target);
      }
    }
    front = next;
  }
  return null;
}

function wayTo(to: string, from: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [to];
  for (let at = to; at !== from;) {
    at = cameFrom.get(at) ?? from;
    way.push(at);
  }
  return way.reverse();
}

const lastBefore = new WeakMap<readonly DocEdge[], { id: string; found: ReadonlySet<string> }>();

/** All nodes that a node waits for, itself among them: no wire from it may lead to one of them. The last answer is kept. */
export function before(doc: Doc, id: string): ReadonlySet<string> {
  const last = lastBefore.get(doc.edges);
  if (last?.id === id) return last.found;
  const found = reached(id, (at) => edgesInto(doc, at).map((edge) => edge.source));
  lastBefore.set(doc.edges, { id, found });
  return found;
}

/** All nodes that wait for a node, itself among them. */
export const after = (doc: Doc, id: string): ReadonlySet<string> =>
  reached(id, (at) => edgesOutOf(doc, at).map((edge) => edge.target));

function reached(from: string, next: (id: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set([from]);
  const waiting = [from];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const other of next(id)) {
      if (found.has(other)) continue;
      found.add(other);
      waiting.push(other);
    }
  }
  return found;
}
