/** Folds the messages of one run into a view of it. Pure but for the view, which is changed in place: a run of 10,000
 * nodes has thirty messages a second, and copying all nodes for each would be most of the work. Runs and nodes in the
 * view are replaced, never changed, so that comparing by identity shows what differs.
 */

import { isEqual, type Json } from "../json";
import type { LogLine, NodeRun, Run, RunMessage, Step } from "./protocol";

/** The state of a run as known here; only `fold` changes it. */
export interface RunView {
  /** Sequence number of the last event or log line folded in; -1: none yet. */
  seq: number;
  run: Run | null;
  /** By node id, in document order. */
  readonly nodes: Map<string, NodeRun>;
}

interface FoldResult {
  readonly runChanged: boolean;
  /** Ids of the nodes that differ. */
  readonly nodesChanged: ReadonlySet<string>;
  readonly lines: readonly LogLine[];
  /** In order; empty for a snapshot, which lists no steps. */
  readonly steps: readonly Step[];
  /** The message was a snapshot: steps and lines between the old `seq` and its own were not received. */
  readonly snapshot: boolean;
  /** Events before this message are missing: it was not folded in. Ask again from `view.seq`. */
  readonly gap: boolean;
  /** The snapshot is older than the view and was not folded in: states would go backwards. */
  readonly outdated: boolean;
  /** Time of the newest event in the message; null: it has none. */
  readonly newestAt: string | null;
}

const NONE: ReadonlySet<string> = new Set();
const NOTHING_FOLDED: FoldResult = {
  runChanged: false,
  nodesChanged: NONE,
  lines: [],
  steps: [],
  snapshot: false,
  gap: false,
  outdated: false,
  newestAt: null,
};

export function emptyView(): RunView {
  return { seq: -1, run: null, nodes: new Map() };
}

/** `replace`: accept a snapshot even when it is older than the view. */
export function fold(view: RunView, message: RunMessage, replace = false): FoldResult {
  if (message.type === "snapshot") {
    // The server may pass on a snapshot that it made for another browser a moment ago.
    if (message.seq < view.seq && !replace) return { ...NOTHING_FOLDED, outdated: true };
    return foldSnapshot(view, message.seq, message.run, message.nodes);
  }
  if (view.seq < 0 || message.first > view.seq + 1) return { ...NOTHING_FOLDED, gap: true };
  const run = view.run;
  const changed = new Set<string>();
  const lines: LogLine[] = [];
  const steps: Step[] = [];
  let newestAt: string | null = null;
  for (const event of message.events) {
    // After a reconnect the server sends again what the old socket had sent.
    if (event.seq <= view.seq) continue;
    newestAt = event.at;
    if (event.type === "log") lines.push(event.line);
    else if (event.type === "run") {
      const from = view.run?.state ?? null;
      view.run = event.run;
      if (from !== event.run.state)
        steps.push({
          seq: event.seq,
          at: event.at,
          node: "",
          from,
          to: event.run.state,
          attempt: 0,
          reason: "",
          error: null,
        });
    } else if (event.type === "node") {
      const node = event.node;
      const before = view.nodes.get(node.node);
      view.nodes.set(node.node, node);
      changed.add(node.node);
      if (before && view.run && before.state !== node.state)
        view.run = { ...view.run, counts: moveCount(view.run.counts, before.state, node.state) };
      if (before?.state !== node.state || before.attempt !== node.attempt) {
        steps.push({
          seq: event.seq,
          at: event.at,
          node: node.node,
          from: before?.state ?? null,
          to: node.state,
          attempt: node.attempt,
          reason: node.reason,
          error: node.error,
        });
      }
    } else if (event.type === "progress") {
      const known = view.nodes.get(event.node);
      if (known) {
        view.nodes.set(event.node, { ...known, progress: event.progress });
        changed.add(event.node);
      }
    }
  }
  view.seq = Math.max(view.seq, message.seq);
  return { ...NOTHING_FOLDED, runChanged: run !== view.run, nodesChanged: changed, lines, steps, newestAt };
}

function foldSnapshot(view: RunView, seq: number, run: Run, nodes: ReadonlyMap<string, NodeRun>): FoldResult {
  const changed = new Set<string>();
  const before = new Map(view.nodes);
  // Fill the map anew in document order, with the old object where nothing differs.
  view.nodes.clear();
  for (const [id, node] of nodes) {
    const known = before.get(id);
    if (known && isEqual(known as unknown as Json, node as unknown as Json)) view.nodes.set(id, known);
    else {
      view.nodes.set(id, node);
      changed.add(id);
    }
    before.delete(id);
  }
  for (const id of before.keys()) changed.add(id);
  view.seq = seq;
  view.run = run;
  return { ...NOTHING_FOLDED, runChanged: true, nodesChanged: changed, snapshot: true };
}

/** Returns the counts after a node changed its state: the run's own events do not come for changes of nodes. */
function moveCount(counts: Readonly<Record<string, number>>, from: string, to: string): Record<string, number> {
  const { [from]: left = 1, ...others } = counts;
  const next: Record<string, number> = left > 1 ? { ...others, [from]: left - 1 } : others;
  next[to] = (next[to] ?? 0) + 1;
  return next;
}
