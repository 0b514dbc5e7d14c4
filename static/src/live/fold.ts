/** Folds the messages of one run into what is known about it. Pure: message in, new view and what changed out. */

import type { LogLine, NodeRun, Run, RunMessage } from "./protocol";

export interface RunView {
  /** Sequence number of the last event or line that is folded in; -1: nothing yet. */
  readonly seq: number;
  readonly run: Run | null;
  /** By node id, in document order. */
  readonly nodes: ReadonlyMap<string, NodeRun>;
}

export interface Folded {
  readonly view: RunView;
  readonly runChanged: boolean;
  /** Ids of nodes that differ from before; all of them after a snapshot that replaced another. */
  readonly nodesChanged: ReadonlySet<string>;
  readonly lines: readonly LogLine[];
  /** A snapshot came: lines between the old seq and its own were not among the messages. */
  readonly snapshot: boolean;
  /** Events are missing before this message: nothing of it was taken; ask again from `view.seq`. */
  readonly gap: boolean;
  /** When the newest event of the message happened; null when it held none. */
  readonly newestAt: string | null;
}

export const NOTHING: RunView = { seq: -1, run: null, nodes: new Map() };
const NONE: ReadonlySet<string> = new Set();

export function fold(view: RunView, message: RunMessage): Folded {
  if (message.type === "snapshot") {
    const changed = new Set<string>();
    for (const [id, node] of message.nodes) if (!same(view.nodes.get(id), node)) changed.add(id);
    return {
      view: { seq: message.seq, run: message.run, nodes: message.nodes },
      runChanged: true,
      nodesChanged: changed,
      lines: [],
      snapshot: true,
      gap: false,
      newestAt: null,
    };
  }
  if (view.seq < 0 || message.first > view.seq + 1) {
    return { view, runChanged: false, nodesChanged: NONE, lines: [], snapshot: false, gap: true, newestAt: null };
  }
  let run = view.run;
  let nodes: Map<string, NodeRun> | null = null;
  const changed = new Set<string>();
  const lines: LogLine[] = [];
  let newestAt: string | null = null;
  for (const event of message.events) {
    // What came twice (a reconnect reads again what the old socket had sent) is taken once.
    if (event.seq <= view.seq) continue;
    newestAt = event.at;
    if (event.type === "run") run = event.run;
    else if (event.type === "log") lines.push(event.line);
    else if (event.type === "node") {
      nodes ??= new Map(view.nodes);
      nodes.set(event.node.node, event.node);
      changed.add(event.node.node);
    } else if (event.type === "progress") {
      const known = (nodes ?? view.nodes).get(event.node);
      if (known) {
        nodes ??= new Map(view.nodes);
        nodes.set(event.node, { ...known, progress: event.progress });
        changed.add(event.node);
      }
    }
  }
  return {
    view: { seq: Math.max(view.seq, message.seq), run, nodes: nodes ?? view.nodes },
    runChanged: run !== view.run,
    nodesChanged: changed,
    lines,
    snapshot: false,
    gap: false,
    newestAt,
  };
}

function same(a: NodeRun | undefined, b: NodeRun): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
