/** The text of some lines of a log: those that were used last, bounded by their number and by their length. Pure. */

import type { LogLine } from "../../live/protocol";

export const LINES_KEPT = 20_000;
export const CHARACTERS_KEPT = 16 * 1024 * 1024;

export class LineCache {
  private readonly kept = new Map<number, LogLine>();
  private characters = 0;

  constructor(
    private readonly linesMax = LINES_KEPT,
    private readonly charactersMax = CHARACTERS_KEPT,
  ) {}

  get size(): number {
    return this.kept.size;
  }

  has(seq: number): boolean {
    return this.kept.has(seq);
  }

  /** The line, which counts as used now. */
  get(seq: number): LogLine | undefined {
    const line = this.kept.get(seq);
    if (line) {
      this.kept.delete(seq);
      this.kept.set(seq, line);
    }
    return line;
  }

  add(lines: readonly LogLine[]): void {
    for (const line of lines) {
      const before = this.kept.get(line.seq);
      if (before) {
        this.kept.delete(line.seq);
        this.characters -= before.message.length;
      }
      this.kept.set(line.seq, line);
      this.characters += line.message.length;
    }
    for (const [seq, line] of this.kept) {
      if (this.kept.size <= this.linesMax && this.characters <= this.charactersMax) break;
      this.kept.delete(seq);
      this.characters -= line.message.length;
    }
  }
}
