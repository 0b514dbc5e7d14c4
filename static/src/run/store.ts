/** The state of a run's page: fed by the socket; its parts listen and draw only what changed.
 *
 * Listeners are called once per message with what changed, in the order in which they were added. The selected node and the
 * stuck nodes are part of the state, so that all parts show the same.
 */

import { fold, emptyView, type RunView } from "../live/fold";
import type { LogLine, NodeRun, Run, RunMessage, Sample, Step } from "../live/protocol";
import { notifyAll } from "../notify";
import { isStuck } from "../words/node-summary";

export interface Change {
  /** Anything may differ: this is the first state, or replaces the known one. */
  readonly snapshot: boolean;
  readonly run: boolean;
  /** Ids of the nodes that differ. */
  readonly nodes: ReadonlySet<string>;
  /** New log lines in order. After a snapshot, lines in between are loaded from the API. */
  readonly lines: readonly LogLine[];
  /** State changes in order. After a snapshot, steps in between are loaded from the API. */
  readonly steps: readonly Step[];
  /** Nodes that became stuck, or stopped being stuck. */
  readonly stuck: ReadonlySet<string>;
  /** Another node was selected, or none. */
  readonly chosen: boolean;
  /** Nodes with a new sample. */
  readonly samples: ReadonlySet<string>;
}

type Listener = (change: Change) => void;

/** The effect of a message, for the owner of the socket. */
interface TakeResult {
  /** Events before it are missing: it was ignored. Send hello again. */
  readonly gap: boolean;
  /** It is older than the known state and was ignored. If no events follow, send hello again. */
  readonly outdated: boolean;
  /** Time of its newest event; null: it has none. */
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
/** Samples kept per running node: five minutes, one per second. */
const SAMPLES_MAX = 300;
/** How long outdated snapshots are ignored: the server reuses a snapshot for a second. After that, an older snapshot is
 * accepted: the database was restored from a backup. */
const OUTDATED_MS = 1500;

export class RunStore {
  private readonly view: RunView = emptyView();
  private readonly listeners: Listener[] = [];
  private readonly stuckNow = new Set<string>();
  private readonly running = new Set<string>();
  private readonly samplesOf = new Map<string, Sample[]>();
  private chosenNow: string;
  /** When the first of several outdated snapshots arrived; null: the last one was not outdated. */
  private outdatedSince: number | null = null;
  /** Since when listeners wait for a state as new as the page; null: they do not. */
  private waitingSince: number | null = null;

  constructor(
    /** Id of the run. */
    readonly id: string,
    chosen: string,
    /** Number of the last event in the page as it was served; older states are not shown. */
    private readonly pageSeq = -1,
  ) {
    this.chosenNow = chosen;
  }

  get run(): Run | null {
    return this.view.run;
  }
  /** Nodes by id in document order. The map stays the same; nodes in it are replaced, never changed. */
  get nodes(): ReadonlyMap<string, NodeRun> {
    return this.view.nodes;
  }
  /** Number of the last known event or log line; -1: none. */
  get seq(): number {
    return this.view.seq;
  }
  /** The first state has arrived and is not older than the page. */
  get ready(): boolean {
    return this.view.seq >= 0 && this.waitingSince === null;
  }
  /** Nodes that run longer than expected. */
  get stuck(): ReadonlySet<string> {
    return this.stuckNow;
  }
  /** Id of the selected node; empty: none. */
  get chosen(): string {
    return this.chosenNow;
  }
  /** Samples of the node's present attempt, oldest first. */
  samples(node: string): readonly Sample[] {
    return this.samplesOf.get(node) ?? [];
  }

  listen(listener: Listener): () => void {
    this.listeners.push(listener);
    return () => {
      const at = this.listeners.indexOf(listener);
      if (at >= 0) this.listeners.splice(at, 1);
    };
  }

  /** Applies a message. `now`: milliseconds by the server's clock. */
  take(message: RunMessage, now: number): TakeResult {
    const folded = fold(this.view, message, this.outdatedSince !== null && now - this.outdatedSince >= OUTDATED_MS);
    if (folded.gap || folded.outdated) {
      if (folded.outdated) this.outdatedSince ??= now;
      return { gap: folded.gap, outdated: folded.outdated, newestAt: null };
    }
    this.outdatedSince = null;
    const held = this.waitingSince !== null;
    const snapshot = folded.snapshot || held;
    const ids = snapshot ? this.view.nodes.keys() : folded.nodesChanged;
    if (snapshot) this.running.clear();
    for (const id of ids) {
      if (this.view.nodes.get(id)?.state === "running") this.running.add(id);
      else {
        this.running.delete(id);
        this.samplesOf.delete(id);
      }
    }
    if (this.view.seq < this.pageSeq && now - (this.waitingSince ??= now) < OUTDATED_MS)
      return { gap: false, outdated: false, newestAt: folded.newestAt };
    if (held) this.notifyFirst(now);
    else {
      const stuck = this.updateStuck(now);
      if (folded.snapshot || folded.runChanged || folded.nodesChanged.size || folded.lines.length || stuck.size) {
        this.notify({
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
    return { gap: false, outdated: false, newestAt: folded.newestAt };
  }

  /** Reports the state that listeners waited for, as a first snapshot. */
  private notifyFirst(now: number): void {
    this.waitingSince = null;
    this.notify({
      ...NOTHING_CHANGED,
      snapshot: true,
      run: true,
      nodes: new Set(this.view.nodes.keys()),
      stuck: this.updateStuck(now),
    });
  }

  /** Updates what depends on time; called every second. */
  tick(now: number): void {
    if (this.waitingSince !== null) {
      if (now - this.waitingSince >= OUTDATED_MS) this.notifyFirst(now);
      return;
    }
    const stuck = this.updateStuck(now);
    if (stuck.size) this.notify({ ...NOTHING_CHANGED, stuck });
  }

  choose(node: string): void {
    if (node === this.chosenNow) return;
    this.chosenNow = node;
    this.notify({ ...NOTHING_CHANGED, chosen: true });
  }

  sampled(samples: readonly Sample[]): void {
    const changed = new Set<string>();
    for (const sample of samples) {
      if (!this.running.has(sample.node)) continue;
      const before = this.samplesOf.get(sample.node);
      const list = before?.at(-1)?.attempt === sample.attempt ? before : [];
      list.push(sample);
      if (list.length > SAMPLES_MAX) list.shift();
      this.samplesOf.set(sample.node, list);
      changed.add(sample.node);
    }
    if (changed.size) this.notify({ ...NOTHING_CHANGED, samples: changed });
  }

  private updateStuck(now: number): ReadonlySet<string> {
    let changed: Set<string> | null = null;
    for (const id of this.running) {
      const node = this.view.nodes.get(id);
      if (node && isStuck(node, now) && !this.stuckNow.has(id)) {
        this.stuckNow.add(id);
        (changed ??= new Set()).add(id);
      }
    }
    for (const id of this.stuckNow) {
      const node = this.view.nodes.get(id);
      if (!this.running.has(id) || !node || !isStuck(node, now)) {
        this.stuckNow.delete(id);
        (changed ??= new Set()).add(id);
      }
    }
    return changed ?? NONE;
  }

  private notify(change: Change): void {
    notifyAll(this.listeners, change);
  }
}
