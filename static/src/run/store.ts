/** What the run page knows: fed by the socket, read by its parts, each of which draws only what changed.
 *
 * Listeners are called once for each message, in the order in which they came to listen, with what changed. Time and
 * the choice of a node are part of it, so that every part shows the same node chosen and the same nodes stuck.
 */

import { fold, emptyView, type RunView } from "../live/fold";
import type { LogLine, NodeRun, Run, RunMessage, Sample, Step } from "../live/protocol";
import { stuck } from "../words/node-summary";

export interface Change {
  /** All may differ: the first state, or one that replaced what was known. */
  readonly snapshot: boolean;
  readonly run: boolean;
  /** Ids of nodes that differ. */
  readonly nodes: ReadonlySet<string>;
  /** New log lines, in order. After a snapshot, lines in between are read with the API. */
  readonly lines: readonly LogLine[];
  /** What went from one state to another, in order. After a snapshot, steps in between are read from the page's events. */
  readonly steps: readonly Step[];
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
  /** It is older than what is known: nothing was taken. Events may follow that lead from it to here; when none do, say
   * hello again. */
  readonly older: boolean;
  /** When its newest event happened; null when it held none. */
  readonly newestAt: string | null;
}

const NONE: ReadonlySet<string> = new Set();
const NOTHING_CHANGED: Change = {
  snapshot: false,
  run: false,
  nodes: NONE,
  lines: [],
  steps: [],
  stuck: NONE,
  chosen: false,
  samples: NONE,
};
/** Samples kept of each running node: five minutes at one a second. */
const SAMPLES_KEPT = 300;
/** How long a snapshot may be older than what is known, in ms: the server hands one on for a second. One that is still
 * older after that comes from another database (a backup was restored), and is the truth. */
const OLDER_MS = 1500;

export class RunStore {
  private readonly view: RunView = emptyView();
  private readonly listeners: Listener[] = [];
  private readonly stuckNow = new Set<string>();
  private readonly running = new Set<string>();
  private readonly kept = new Map<string, Sample[]>();
  private chosenNow: string;
  /** When the first of the older snapshots came; null: what came last was not one. */
  private olderSince: number | null = null;
  /** When what came was first held back; null: nothing is. */
  private heldSince: number | null = null;

  constructor(
    /** Id of the run. */
    readonly id: string,
    chosen: string,
    /** Number of the last event that the page showed when it came: nothing older is shown in its place. */
    private readonly pageSeq = -1,
  ) {
    this.chosenNow = chosen;
  }

  get run(): Run | null {
    return this.view.run;
  }
  /** By id, in document order. Always the same map; its nodes are replaced, never changed. */
  get nodes(): ReadonlyMap<string, NodeRun> {
    return this.view.nodes;
  }
  /** Number of the last event or line that is known; -1: nothing yet. */
  get seq(): number {
    return this.view.seq;
  }
  /** Whether there is something to show: the first state has come, and is not older than what the page came with. */
  get ready(): boolean {
    return this.view.seq >= 0 && this.heldSince === null;
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
    const folded = fold(this.view, message, this.olderSince !== null && now - this.olderSince >= OLDER_MS);
    if (folded.gap || folded.outdated) {
      if (folded.outdated) this.olderSince ??= now;
      return { gap: folded.gap, older: folded.outdated, newestAt: null };
    }
    this.olderSince = null;
    const held = this.heldSince !== null;
    const snapshot = folded.snapshot || held;
    const ids = snapshot ? this.view.nodes.keys() : folded.nodesChanged;
    if (snapshot) this.running.clear();
    for (const id of ids) {
      if (this.view.nodes.get(id)?.state === "running") this.running.add(id);
      else {
        this.running.delete(id);
        this.kept.delete(id);
      }
    }
    if (this.view.seq < this.pageSeq && now - (this.heldSince ??= now) < OLDER_MS)
      return { gap: false, older: false, newestAt: folded.newestAt };
    if (held) this.release(now);
    else {
      const stuck = this.look(now);
      if (folded.snapshot || folded.runChanged || folded.nodesChanged.size || folded.lines.length || stuck.size) {
        this.tell({
          ...NOTHING_CHANGED,
          snapshot: folded.snapshot,
          run: folded.runChanged,
          nodes: folded.nodesChanged,
          lines: folded.lines,
          steps: folded.steps,
          stuck,
        });
      }
    }
    return { gap: false, older: false, newestAt: folded.newestAt };
  }

  /** Tells of what was held back, as a first snapshot. */
  private release(now: number): void {
    this.heldSince = null;
    this.tell({
      ...NOTHING_CHANGED,
      snapshot: true,
      run: true,
      nodes: new Set(this.view.nodes.keys()),
      stuck: this.look(now),
    });
  }

  /** Time went on: nodes may have become stuck. Call it each second. */
  tick(now: number): void {
    if (this.heldSince !== null) {
      if (now - this.heldSince >= OLDER_MS) this.release(now);
      return;
    }
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
    for (const listener of [...this.listeners]) {
      // A part that fails must not keep the others, or the socket, from what is true.
      try {
        listener(change);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
