/** Estimates when a run ends, from the expected durations of its nodes. Pure. */

import { edgesAt, type Graph } from "../graph/model";
import type { NodeRun, Run } from "../live/protocol";
import { NODE_ENDED } from "../words/words";

const FAILED: ReadonlySet<string> = new Set(["failed", "timed_out"]);

/** Seconds from `now` (milliseconds by the server's clock) until the run ends. Null: it cannot be estimated, because the run
 * is not running, a node is stuck, waits for a person or failed, or a remaining node has no expected duration.
 *
 * The estimate is the longest path through the remaining nodes, and while nodes are ready, at least the remaining work
 * divided by the number of running nodes. */
export function secondsToEnd(
  run: Run,
  graph: Graph,
  nodes: ReadonlyMap<string, NodeRun>,
  stuck: ReadonlySet<string>,
  expected: Readonly<Record<string, number>>,
  now: number,
): number | null {
  if (run.state !== "running" || stuck.size) return null;
  // Remaining seconds of each node; 0: it has ended.
  const left = new Float64Array(graph.size);
  const open = new Uint8Array(graph.size);
  let work = 0;
  let running = 0;
  let ready = 0;
  for (let at = 0; at < graph.size; at += 1) {
    const node = nodes.get(graph.ids[at] ?? "");
    if (!node || node.state === "waiting" || FAILED.has(node.state)) return null;
    if (NODE_ENDED.has(node.state)) continue;
    const whole = node.expected ?? expected[node.node];
    if (whole === undefined) return null;
    open[at] = 1;
    if (node.state === "running" && node.started_at) {
      running += 1;
      left[at] = Math.max(0, whole - (now - Date.parse(node.started_at)) / 1000);
    } else {
      if (node.state === "ready") ready += 1;
      left[at] = whole;
    }
    work += left[at] ?? 0;
  }
  const way = longestPath(graph, open, left);
  return ready && running ? Math.max(way, work / running) : way;
}

/** The longest path through the open nodes. */
function longestPath(graph: Graph, open: Uint8Array, left: Float64Array): number {
  const missing = new Int32Array(graph.size);
  const queue: number[] = [];
  for (let at = 0; at < graph.size; at += 1) {
    if (!open[at]) continue;
    for (const edge of edgesAt(graph.into, at))
      missing[at] = (missing[at] ?? 0) + (open[graph.sources[edge] ?? 0] ?? 0);
    if (!missing[at]) queue.push(at);
  }
  const begins = new Float64Array(graph.size);
  let last = 0;
  for (let head = 0; head < queue.length; head += 1) {
    const at = queue[head] ?? 0;
    const ends = (begins[at] ?? 0) + (left[at] ?? 0);
    last = Math.max(last, ends);
    for (const edge of edgesAt(graph.outOf, at)) {
      const next = graph.targets[edge] ?? 0;
      if (!open[next]) continue;
      begins[next] = Math.max(begins[next] ?? 0, ends);
      missing[next] = (missing[next] ?? 1) - 1;
      if (!missing[next]) queue.push(next);
    }
  }
  return last;
}
