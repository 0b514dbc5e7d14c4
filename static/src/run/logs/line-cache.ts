/** An LRU cache of log lines, bounded by their number and total length. Pure. */

import type { LogLine } from "../../live/protocol";

const LINES_MAX = 20_000;
const CHARACTERS_MAX = 16 * 1024 * 1024;

export class LineCache {
  private readonly lines = new Map<number, LogLine>();
  private characters = 0;

  constructor(
    private readonly linesMax = LINES_MAX,
    private readonly charactersMax = CHARACTERS_MAX,
  ) {}

  get size(): number {
    return this.lines.size;
  }

  has(seq: number): boolean {
    return this.lines.has(seq);
  }

  /** Returns a line and marks it as used. */
  get(seq: number): LogLine | undefined {
    const line = this.lines.get(seq);
    if (line) {
      this.lines.delete(seq);
      this.lines.set(seq, line);
    }
    return line;
  }

  add(lines: readonly LogLine[]): void {
    for (const line of lines) {
      const before = this.lines.get(line.seq);
      if (before) {
        this.lines.delete(line.seq);
        this.characters -= before.message.length;
      }
      this.lines.set(line.seq, line);
      this.characters += line.message.length;
    }
    for (const [seq, line] of this.lines) {
      if (this.lines.size <= this.linesMax && this.characters <= this.charactersMax) break;
      this.lines.delete(seq);
      this.characters -= line.message.length;
    }
  }
}
