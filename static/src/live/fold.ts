/** Folds the messages of one run into what is known about it, in place: a run of 10,000 nodes has thirty messages a
 * second, and a copy of all nodes for each would be most of the work. Nodes and the run themselves never change: a new
 * one takes the place of the old one, so that comparing by identity tells what differs. No clock, no socket.
 */

import type { LogLine, NodeRun, Run, RunMessage, Step } from "./protocol";

/** What is known about a run; `fold` changes it, all others read it. */
export interface RunView {
  /** Sequence number of the last event or line that is folded in; -1: nothing yet. */
  seq: number;
  run: Run | null;
  /** By node id, in document order. */
  readonly nodes: Map<string, NodeRun>;
}

export interface Folded {
  readonly runChanged: boolean;
  /** Ids of nodes that differ from before. */
  readonly nodesChanged: ReadonlySet<string>;
  readonly lines: readonly LogLine[];
  /** In order; empty after a snapshot, which tells of no steps. */
  readonly steps: readonly Step[];
  /** A snapshot came: steps and lines between the old seq and its own were not among the messages. */
  readonly snapshot: boolean;
  /** Events are missing before this message: nothing of it was taken; ask again from `view.seq`. */
  readonly gap: boolean;
  /** A snapshot of before what is known, so that taking it would show states going backwards: nothing of it was taken. */
  readonly older: boolean;
  /** When the newest event of the message happened; null when it held none. */
  readonly newestAt: string | null;
}

const NONE: ReadonlySet<string> = new Set();
const NOT_TAKEN: Folded = {
  runChanged: false,
  nodesChanged: NONE,
  lines: [],
  steps: [],
  snapshot: false,
  gap: false,
  older: false,
  newestAt: null,
};

export function nothing(): RunView {
  return { seq: -1, run: null, nodes: new Map() };
}

/** `replace`: takes also a snapshot that is older than what is known. */
export function fold(view: RunView, message: RunMessage, replace = false): Folded {
  if (message.type === "snapshot") {
    // A snapshot that another browser was just given may be handed on: its events follow, and are known already.
    if (message.seq < view.seq && !replace) return { ...NOT_TAKEN, older: true };
    return whole(view, message.seq, message.run, message.nodes);
  }
  if (view.seq < 0 || message.first > view.seq + 1) return { ...NOT_TAKEN, gap: true };
  const run = view.run;
  const changed = new Set<string>();
  const lines: LogLine[] = [];
  const steps: Step[] = [];
  let newestAt: string | null = null;
  for (const event of message.events) {
    // What came twice (a reconnect reads again what the old socket had sent) is taken once.
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
        view.run = { ...view.run, counts: moved(view.run.counts, before.state, node.state) };
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
  return { ...NOT_TAKEN, runChanged: run !== view.run, nodesChanged: changed, lines, steps, newestAt };
}

function whole(view: RunView, seq: number, run: Run, nodes: ReadonlyMap<string, NodeRun>): Folded {
  const changed = new Set<string>();
  const before = new Map(view.nodes);
  // The order is the document's: the map is filled anew, with the old object where nothing differs.
  view.nodes.clear();
  for (const [id, node] of nodes) {
    const known = before.get(id);
    if (known && same(known, node)) view.nodes.set(id, known);
    else {
      view.nodes.set(id, node);
      changed.add(id);
    }
    before.delete(id);
  }
  for (const id of before.keys()) changed.add(id);
  view.seq = seq;
  view.run = run;
  return { ...NOT_TAKEN, runChanged: true, nodesChanged: changed, snapshot: true };
}

/** The counts of a run after one of its nodes changed its state: the run's own events come only when the run does. */
function moved(counts: Readonly<Record<string, number>>, from: string, to: string): Record<string, number> {
  const { [from]: left = 1, ...others } = counts;
  const next: Record<string, number> = left > 1 ? { ...others, [from]: left - 1 } : others;
  next[to] = (next[to] ?? 0) + 1;
  return next;
}

function same(a: NodeRun, b: NodeRun): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
