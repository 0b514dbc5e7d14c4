/** Computes the positions of a graph's nodes: the author's, or else from a layout in a worker. */

import ELK from "elkjs/lib/elk-api";
import elkWorker from "elkjs/lib/elk-worker.min.js?worker&url";
import { offlineText } from "../../api/client";
import { fillMissing } from "./arrange";
import { readElkResult, type Arrangement, type Gaps, elkRequest } from "./elk";
import { isTall, type LayoutInput, type Positions } from "./layered";
import LayoutWorker from "./layout.worker?worker";
import { GraphLoadError } from "../load";
import { type Graph, isPlaced, NODE_HEIGHT } from "../model";

/** Beyond this size ELK takes seconds. */
const ELK_NODES_MAX = 300;
const ELK_EDGES_MAX = 900;

export type { Arrangement as Arranged };

/** Uses the author's positions. Where most nodes have none, they get those of a layout of the whole graph, so that moving
 * one node leaves the others where they were; a few nodes without a position are laid out below the others. */
export async function arrangeGraph(graph: Graph): Promise<Arrangement> {
  if (!isPlaced(graph)) return layOut(graph);
  const at = graph.placed.slice();
  let missing = 0;
  for (let node = 0; node < graph.size; node += 1) if (Number.isNaN(at[2 * node] ?? NaN)) missing += 1;
  if (2 * missing > graph.size) {
    const whole = await layOut(graph);
    return { at: fillMissing(at, whole.at), routed: new Map() };
  }
  const without: number[] = [];
  let bottom = -Infinity;
  let left = Infinity;
  for (let node = 0; node < graph.size; node += 1) {
    if (Number.isNaN(at[2 * node] ?? NaN)) without.push(node);
    else {
      bottom = Math.max(bottom, at[2 * node + 1] ?? 0);
      left = Math.min(left, at[2 * node] ?? 0);
    }
  }
  if (without.length) {
    const place = new Map(without.map((node, index) => [node, index]));
    const inner = [...graph.sources.keys()].filter(
      (edge) => place.has(graph.sources[edge] ?? -1) && place.has(graph.targets[edge] ?? -1),
    );
    const among = (ends: Int32Array): Int32Array => Int32Array.from(inner, (edge) => place.get(ends[edge] ?? 0) ?? 0);
    const below = await layeredInWorker({
      size: without.length,
      sources: among(graph.sources),
      targets: among(graph.targets),
    });
    without.forEach((node, index) => {
      at[2 * node] = left + (below[2 * index] ?? 0);
      at[2 * node + 1] = bottom + 2 * NODE_HEIGHT + (below[2 * index + 1] ?? 0);
    });
  }
  return { at, routed: new Map() };
}

/** Lays out all nodes, whatever the author's positions. `gaps`: other gaps for ELK than the default of the graph's size. */
export async function layOut(graph: Graph, gaps?: Gaps): Promise<Arrangement> {
  const { size, sources, targets } = graph;
  // ELK does not wrap tall layers.
  if (size <= ELK_NODES_MAX && graph.edges <= ELK_EDGES_MAX && !isTall({ size, sources, targets }))
    return withElk(graph, gaps);
  return { at: await layeredInWorker({ size, sources, targets }), routed: new Map() };
}

/** Lays out with ELK, or with the layered layout if ELK's worker fails. */
async function withElk(graph: Graph, gaps?: Gaps): Promise<Arrangement> {
  const worker = new Worker(elkWorker, { type: "module" });
  // ELK would wait for ever for a worker that failed.
  const broken = new Promise<null>((resolve) => worker.addEventListener("error", () => resolve(null)));
  const elk = new ELK({ workerFactory: () => worker });
  try {
    const root = await Promise.race([elk.layout(elkRequest(graph, gaps)), broken]);
    if (root) return readElkResult(graph, root);
  } finally {
    elk.terminateWorker();
  }
  const { size, sources, targets } = graph;
  return { at: await layeredInWorker({ size, sources, targets }), routed: new Map() };
}

function layeredInWorker(input: LayoutInput): Promise<Positions> {
  return new Promise((resolve, reject) => {
    const worker = new LayoutWorker();
    worker.onmessage = (event: MessageEvent<Positions>) => {
      worker.terminate();
      resolve(event.data);
    };
    worker.onerror = (event) => {
      worker.terminate();
      // An event without a message: the script could not be loaded.
      reject(event.message ? new Error(event.message) : new GraphLoadError(offlineText()));
    };
    worker.postMessage(input);
  });
}
