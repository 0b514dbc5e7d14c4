/** Dependencies between nodes. Pure; quick enough to check a connection that is being drawn over 10,000 nodes. */

import type { Doc, DocEdge } from "./document";
import { edgesInto, edgesOutOf } from "./ports";

/** Returns the shortest path along edges, both ends included; null: there is none. */
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
        if (target === to) return tracePath(to, from, cameFrom);
        next.push(target);
      }
    }
    front = next;
  }
  return null;
}

function tracePath(to: string, from: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [to];
  for (let at = to; at !== from;) {
    at = cameFrom.get(at) ?? from;
    way.push(at);
  }
  return way.reverse();
}

const lastUpstream = new WeakMap<readonly DocEdge[], { id: string; found: ReadonlySet<string> }>();

/** Returns all nodes upstream of a node, itself included: no edge may lead from it to one of them. Caches the last result. */
export function upstreamOf(doc: Doc, id: string): ReadonlySet<string> {
  const last = lastUpstream.get(doc.edges);
  if (last?.id === id) return last.found;
  const found = collect(id, (at) => edgesInto(doc, at).map((edge) => edge.source));
  lastUpstream.set(doc.edges, { id, found });
  return found;
}

/** Returns all nodes downstream of a node, itself included. */
export const downstreamOf = (doc: Doc, id: string): ReadonlySet<string> =>
  collect(id, (at) => edgesOutOf(doc, at).map((edge) => edge.target));

function collect(from: string, next: (id: string) => readonly string[]): ReadonlySet<string> {
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
