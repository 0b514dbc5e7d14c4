/** What the run page knows: fed by the socket, read by its parts, each of which draws only what changed.
 *
 * Listeners are called once for each message, in the order in which they came to listen, with what changed. Time and
 * the choice of a node are part of it, so that every part shows the same node chosen and the same nodes stuck.
 */

import { fold, NOTHING, type RunView } from "../live/fold";
import type { LogLine, NodeRun, Run, RunMessage, Sample } from "../live/protocol";
import { stuck } from "./fact";

export interface Change {
  /** All may differ: the first state, or one that replaced what was known. */
  readonly snapshot: boolean;
  readonly run: boolean;
  /** Ids of nodes that differ. */
  readonly nodes: ReadonlySet<string>;
  /** New log lines, in order. After a snapshot, lines in between are read with the API. */
  readonly lines: readonly LogLine[];
  /** Nodes that became stuck, or are no more. */
  readonly stuck: ReadonlySet<string>;
  /** Another node is chosen, or none. */
  readonly chosen: boolean;
  /** Nodes with a new sample. */
  readonly samples: ReadonlySet<string>;
}

export type Listener = (change: Change) => void;

/** What a message did, for whoever holds the socket. */
export interface Taken {
  /** Events are missing before it: nothing was taken; say hello again. */
  readonly gap: boolean;
  /** When its newest event happened; null when it held none. */
  readonly newestAt: string | null;
}

const NONE: ReadonlySet<string> = new Set();
const NOTHING_CHANGED: Change = { snapshot: false, run: false, nodes: NONE, lines: [], stuck: NONE, chosen: false, samples: NONE };
/** Samples kept of each running node: five minutes at one a second. */
const SAMPLES_KEPT = 300;

export class RunStore {
  private view: RunView = NOTHING;
  private readonly listeners: Listener[] = [];
  private readonly stuckNow = new Set<string>();
  private readonly running = new Set<string>();
  private readonly kept = new Map<string, Sample[]>();
  private chosenNow: string;

  constructor(
    /** Id of the run. */
    readonly id: string,
    chosen: string,
  ) {
    this.chosenNow = chosen;
  }

  get run(): Run | null {
    return this.view.run;
  }
  /** By id, in document order. */
  get nodes(): ReadonlyMap<string, NodeRun> {
    return this.view.nodes;
  }
  /** Number of the last event or line that is known; -1: nothing yet. */
  get seq(): number {
    return this.view.seq;
  }
  /** Nodes that run past what is expected of them. */
  get stuck(): ReadonlySet<string> {
    return this.stuckNow;
  }
  /** Id of the chosen node; empty: none. */
  get chosen(): string {
    return this.chosenNow;
  }
  /** Samples of the node's present attempt, the oldest first. */
  samples(node: string): readonly Sample[] {
    return this.kept.get(node) ?? [];
  }

  listen(listener: Listener): () => void {
    this.listeners.push(listener);
    return () => {
      const at = this.listeners.indexOf(listener);
      if (at >= 0) this.listeners.splice(at, 1);
    };
  }

  /** Takes a message; `now` by the server's clock, in ms. */
  take(message: RunMessage, now: number): Taken {
    const folded = fold(this.view, message);
    if (folded.gap) return { gap: true, newestAt: null };
    this.view = folded.view;
    const ids = folded.snapshot ? this.view.nodes.keys() : folded.nodesChanged;
    if (folded.snapshot) this.running.clear();
    for (const id of ids) {
      if (this.view.nodes.get(id)?.state === "running") this.running.add(id);
      else {
        this.running.delete(id);
        this.kept.delete(id);
      }
    }
    const stuck = this.look(now);
    if (folded.snapshot || folded.runChanged || folded.nodesChanged.size || folded.lines.length || stuck.size) {
      this.tell({ ...NOTHING_CHANGED, snapshot: folded.snapshot, run: folded.runChanged, nodes: folded.nodesChanged, lines: folded.lines, stuck });
    }
    return { gap: false, newestAt: folded.newestAt };
  }

  /** Time went on: nodes may have become stuck. Call it each second. */
  tick(now: number): void {
    const stuck = this.look(now);
    if (stuck.size) this.tell({ ...NOTHING_CHANGED, stuck });
  }

  choose(node: string): void {
    if (node === this.chosenNow) return;
    this.chosenNow = node;
    this.tell({ ...NOTHING_CHANGED, chosen: true });
  }

  sampled(samples: readonly Sample[]): void {
    const changed = new Set<string>();
    for (const sample of samples) {
      if (!this.running.has(sample.node)) continue;
      const before = this.kept.get(sample.node);
      const list = before?.at(-1)?.attempt === sample.attempt ? before : [];
      list.push(sample);
      if (list.length > SAMPLES_KEPT) list.shift();
      this.kept.set(sample.node, list);
      changed.add(sample.node);
    }
    if (changed.size) this.tell({ ...NOTHING_CHANGED, samples: changed });
  }

  private look(now: number): ReadonlySet<string> {
    let changed: Set<string> | null = null;
    for (const id of this.running) {
      const node = this.view.nodes.get(id);
      if (node && stuck(node, now) && !this.stuckNow.has(id)) {
        this.stuckNow.add(id);
        (changed ??= new Set()).add(id);
      }
    }
    for (const id of this.stuckNow) {
      const node = this.view.nodes.get(id);
      if (!this.running.has(id) || !node || !stuck(node, now)) {
        this.stuckNow.delete(id);
        (changed ??= new Set()).add(id);
      }
    }
    return changed ?? NONE;
  }

  private tell(change: Change): void {
    for (const listener of [...this.listeners]) listener(change);
  }
}
