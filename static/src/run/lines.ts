/** The log lines that a page holds: a gap-free tail of the run's log, filtered. Pure. */

import type { LogLine } from "../live/protocol";

export interface Filter {
  readonly node: string;
  /** This level and graver ones; empty: all. */
  readonly level: string;
  /** Text that a line contains, whatever its case. */
  readonly text: string;
}

export const NO_FILTER: Filter = { node: "", level: "", text: "" };
const LEVELS = ["debug", "info", "warning", "error"];
/** Lines kept: all that two attempts may leave. Older ones are found by node, level and text, which the server looks for. */
export const KEPT = 200_000;

export function fits(line: LogLine, filter: Filter): boolean {
  if (filter.node && line.node !== filter.node) return false;
  if (filter.level && Math.max(0, LEVELS.indexOf(line.level)) < LEVELS.indexOf(filter.level)) return false;
  return !filter.text || line.message.toLowerCase().includes(filter.text.toLowerCase());
}

export class Lines {
  /** In order of seq, without a gap after the first. */
  private all: LogLine[] = [];
  /** Those of `all` that fit the filter. */
  shown: LogLine[] = [];
  filter: Filter = NO_FILTER;
  /** Whether `all` begins with the run's first line. */
  complete = false;
  lastSeq = 0;

  get size(): number {
    return this.all.length;
  }

  /** Of the first line; beyond all numbers while there is none. */
  get firstSeq(): number {
    return this.all[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  }

  /** Adds newer lines; those that are known already are left out. Returns how many were added to `shown`, and how
   * many had to go from its beginning. */
  append(lines: readonly LogLine[]): { added: number; dropped: number } {
    const before = this.shown.length;
    for (const line of lines) {
      if (line.seq <= this.lastSeq) continue;
      this.lastSeq = line.seq;
      this.all.push(line);
      if (fits(line, this.filter)) this.shown.push(line);
    }
    const added = this.shown.length - before;
    let dropped = 0;
    if (this.all.length > KEPT) {
      this.all.splice(0, this.all.length - KEPT);
      this.complete = false;
      const first = this.firstSeq;
      while ((this.shown[dropped]?.seq ?? first) < first) dropped += 1;
      this.shown.splice(0, dropped);
    }
    return { added, dropped };
  }

  /** Adds lines that come right before the first one known. Returns how many were added to `shown`. */
  prepend(lines: readonly LogLine[], complete: boolean): number {
    const first = this.firstSeq;
    const older = lines.filter((line) => line.seq < first);
    this.all = older.concat(this.all);
    this.lastSeq = Math.max(this.lastSeq, older.at(-1)?.seq ?? 0);
    this.complete = complete;
    const fitting = older.filter((line) => fits(line, this.filter));
    this.shown = fitting.concat(this.shown);
    return fitting.length;
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.shown = this.all.filter((line) => fits(line, filter));
  }

  /** A gap came: what follows does not join what is known. */
  clear(): void {
    this.all = [];
    this.shown = [];
    this.complete = false;
    this.lastSeq = 0;
  }
}
