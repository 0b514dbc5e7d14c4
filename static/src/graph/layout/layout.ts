/** Where the nodes of a graph stand: as the author placed them, else by a layout in a worker. */

import ELK from "elkjs/lib/elk-api";
import elkWorker from "elkjs/lib/elk-worker.min.js?worker&url";
import { gettext } from "../../words/i18n";
import { fillMissing } from "./arrange";
import { answer, type Arranged, type Gaps, question } from "./elk";
import { isTall, type LayoutInput, type Positions } from "./layered";
import LayoutWorker from "./layout.worker?worker";
import { NotLoaded } from "../load";
import { type Graph, isPlaced, NODE_HEIGHT } from "../model";

/** Beyond this ELK takes seconds, and its care would not be seen. */
export const ELK_NODES_MAX = 300;
const ELK_EDGES_MAX = 900;

export type { Arranged };

/** The author's places. Where most nodes have none, those stand where a layout of the whole puts them, so that moving one
 * leaves the others where they were seen; few of them stand below, layered. */
export async function arrange(graph: Graph): Promise<Arranged> {
  if (!isPlaced(graph)) return tidy(graph);
  const at = graph.placed.slice();
  let missing = 0;
  for (let node = 0; node < graph.size; node += 1) if (Number.isNaN(at[2 * node] ?? NaN)) missing += 1;
  if (2 * missing > graph.size) {
    const whole = await tidy(graph);
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

/** All nodes layered, whatever the author placed. `gaps`: other ones than the graph's size asks for, where ELK lays out. */
export async function tidy(graph: Graph, gaps?: Gaps): Promise<Arranged> {
  const { size, sources, targets } = graph;
  // ELK puts a layer into one column, however many nodes it has.
  if (size <= ELK_NODES_MAX && graph.edges <= ELK_EDGES_MAX && !isTall({ size, sources, targets }))
    return withElk(graph, gaps);
  return { at: await layeredInWorker({ size, sources, targets }), routed: new Map() };
}

/** By ELK; by the plain layout where its worker does not start or does not answer as it should. */
async function withElk(graph: Graph, gaps?: Gaps): Promise<Arranged> {
  const worker = new Worker(elkWorker, { type: "module" });
  // ELK itself would wait for ever for a worker that fell over.
  const broken = new Promise<null>((resolve) => worker.addEventListener("error", () => resolve(null)));
  const elk = new ELK({ workerFactory: () => worker });
  try {
    const root = await Promise.race([elk.layout(question(graph, gaps)), broken]);
    if (root) return answer(graph, root);
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
      // An event without a message: its script did not come.
      reject(event.message ? new Error(event.message) : new NotLoaded(gettext("The server cannot be reached.")));
    };
    worker.postMessage(input);
  });
}
