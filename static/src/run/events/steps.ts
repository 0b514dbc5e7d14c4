/** A contiguous range of a run's steps, newest last. Pure. */

import type { Step } from "../../live/protocol";

/** Maximum number of steps while new ones are followed. */
export const STEPS_MAX = 20_000;
/** Maximum number of steps while the reader scrolls back. */
export const STEPS_READ_MAX = 100_000;

export class StepList {
  private all: Step[] = [];
  /** There are no earlier steps. */
  complete = false;
  /** The number before which earlier steps are requested; null: the first one's. */
  before: number | null = null;

  constructor(
    /** Id of the node whose steps are listed; empty: all nodes. */
    readonly node: string,
  ) {}

  get size(): number {
    return this.all.length;
  }

  at(index: number): Step | undefined {
    return this.all[index];
  }

  /** Adds newer steps, without known ones and those of other nodes. Returns how many were added, and how many were dropped
   * at the start. `keep`: allows more steps, because the reader scrolled back. */
  append(steps: readonly Step[], keep = false): { added: number; dropped: number } {
    const last = this.all.at(-1)?.seq ?? -1;
    let added = 0;
    for (const step of steps) {
      if (step.seq <= last || (this.node && step.node !== this.node)) continue;
      this.all.push(step);
      added += 1;
    }
    const most = keep ? STEPS_READ_MAX : STEPS_MAX;
    // Drop many at once: a long list should not be shifted for each new step.
    const dropped = this.all.length > most * 1.1 ? this.all.length - most : 0;
    if (dropped) {
      this.all.splice(0, dropped);
      this.complete = false;
      this.before = null;
    }
    return { added, dropped };
  }

  /** Adds earlier steps, oldest first, and the number before which more are requested (null: none). Returns how many. */
  prepend(steps: readonly Step[], before: number | null): number {
    const first = this.all[0]?.seq ?? Number.MAX_SAFE_INTEGER;
    const older = steps.filter((step) => step.seq < first);
    this.all = older.concat(this.all);
    this.before = before;
    this.complete = before === null;
    return older.length;
  }

  /** The number before which earlier steps are requested; null: request the newest. */
  get nextBefore(): number | null {
    return this.before ?? this.all[0]?.seq ?? null;
  }
}
