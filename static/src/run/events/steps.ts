/** The steps that the events tab holds: a stretch of the run's steps without a gap, the newest at its end. Pure. */

import type { Step } from "../../live/protocol";

/** Steps kept while new ones come. */
export const KEPT = 20_000;
/** Steps kept when somebody reads back: as many as are worth having in a page. */
export const READ_BACK = 100_000;

export class Steps {
  private all: Step[] = [];
  /** Whether nothing earlier is to be had. */
  complete = false;
  /** Earlier ones are asked for below this number; null: below the first. */
  before: number | null = null;

  constructor(
    /** Id of the node whose steps are kept; empty: all. */
    readonly node: string,
  ) {}

  get size(): number {
    return this.all.length;
  }

  at(index: number): Step | undefined {
    return this.all[index];
  }

  /** Adds newer steps; known ones and those of other nodes are left out. Returns how many were added, and how many went
   * from the beginning; `keep`: none goes, for somebody reads there. */
  append(steps: readonly Step[], keep = false): { added: number; dropped: number } {
    const last = this.all.at(-1)?.seq ?? -1;
    let added = 0;
    for (const step of steps) {
      if (step.seq <= last || (this.node && step.node !== this.node)) continue;
      this.all.push(step);
      added += 1;
    }
    const most = keep ? READ_BACK : KEPT;
    // Many at once, so that a long list is not moved for each new one.
    const dropped = this.all.length > most * 1.1 ? this.all.length - most : 0;
    if (dropped) {
      this.all.splice(0, dropped);
      this.complete = false;
      this.before = null;
    }
    return { added, dropped };
  }

  /** Adds earlier steps, oldest first, and where those before them begin; null: there are none. Returns how many. */
  prepend(steps: readonly Step[], before: number | null): number {
    const first = this.all[0]?.seq ?? Number.MAX_SAFE_INTEGER;
    const older = steps.filter((step) => step.seq < first);
    this.all = older.concat(this.all);
    this.before = before;
    this.complete = before === null;
    return older.length;
  }

  /** The number below which earlier ones are asked for; null: the newest. */
  get below(): number | null {
    return this.before ?? this.all[0]?.seq ?? null;
  }
}
