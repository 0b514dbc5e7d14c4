/** The log of a run as the page knows it: the numbers of all lines, by node too, and the text of those looked at.
 *
 * Numbers come from the index that the server keeps and then from the live feed; text is read by number when it is
 * needed. So a log of a million lines takes the memory of what is in view.
 */

import type { Json, JsonObject } from "../../json";
import { call } from "../../api/client";
import type { LogLine } from "../../live/protocol";
import { LineCache } from "./line-cache";
import { said, SeqRanges } from "./ranges";

const RANGES_MAX = 150;
const READ_MAX = 1500;
const EARLY_MAX = 20_000;
const AGAIN_MS = 2000;

const numbers = (value: Json | undefined): number[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "number") : [];

export class LogSource {
  readonly all = new SeqRanges();
  private readonly byNode = new Map<string, SeqRanges>();
  private readonly cache = new LineCache();
  /** Lines that came while the index was being read. */
  private early: LogLine[] = [];
  private catching: Promise<void> | null = null;
  private again = false;
  private wanted: readonly number[] = [];
  private reading = false;
  /** Whether the index was read once. */
  ready = false;
  /** Lines may be missing above the last known one until the index is read. */
  private behind = true;

  constructor(
    private readonly run: string,
    /** Text of lines came that were asked for. */
    private readonly arrived: () => void,
  ) {}

  /** The lines of a node; empty: of all. */
  of(node: string): SeqRanges {
    if (!node) return this.all;
    let found = this.byNode.get(node);
    if (!found) this.byNode.set(node, (found = new SeqRanges()));
    return found;
  }

  line(seq: number): LogLine | undefined {
    return this.cache.get(seq);
  }

  /** Reads which lines there are above the last known one. Throws when the server cannot be reached. */
  catchUp(): Promise<void> {
    this.again = this.behind = true;
    return (this.catching ??= this.readIndex().finally(() => {
      this.catching = null;
    }));
  }

  private async readIndex(): Promise<void> {
    while (this.again) {
      this.again = false;
      let after: number | null = this.all.last;
      while (after !== null) {
        const body: JsonObject = (await call("GET", `/runs/${this.run}/logs/index/?after=${after}`)).body;
        const nodes = Array.isArray(body["nodes"]) ? body["nodes"].map(String) : [];
        const batches = numbers(body["batches"]);
        for (let i = 0; i + 3 < batches.length; i += 4) {
          const first = batches[i] ?? 0;
          const count = batches[i + 1] ?? 0;
          this.of(nodes[batches[i + 2] ?? 0] ?? "?").push(first, count);
          this.all.push(first, count);
        }
        after = typeof body["next"] === "number" ? body["next"] : null;
      }
    }
    this.ready = true;
    this.behind = false;
    const early = this.early;
    this.early = [];
    this.append(early);
  }

  /** Takes lines of the live feed; what is known already is left out. */
  take(lines: readonly LogLine[]): void {
    if (!this.behind) {
      this.append(lines);
      return;
    }
    for (const line of lines) this.early.push(line);
    if (this.early.length > EARLY_MAX) {
      // The index, read once more, has them too.
      this.early = [];
      this.again = true;
    }
  }

  private append(lines: readonly LogLine[]): void {
    for (const line of lines) {
      if (line.seq <= this.all.last) continue;
      this.all.push(line.seq);
      this.of(line.node).push(line.seq);
    }
    // What scrolls by faster than it can be read is not kept.
    this.cache.add(lines.length > READ_MAX ? lines.slice(-READ_MAX) : lines);
  }

  /** These lines are in view or soon will be: those whose text is not here are asked for. Replaces what was wanted. */
  want(seqs: readonly number[]): void {
    this.wanted = seqs;
    void this.readWanted();
  }

  private async readWanted(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      for (;;) {
        const missing = this.wanted.filter((seq) => !this.cache.has(seq)).slice(0, READ_MAX);
        if (!missing.length) return;
        const got = await this.read(missing);
        this.arrived();
        // Nothing came though something was asked for: it is gone, and asking again would not end.
        if (!got.length) return;
      }
    } catch {
      // Offline, it seems.
      window.setTimeout(() => void this.readWanted(), AGAIN_MS);
    } finally {
      this.reading = false;
    }
  }

  private async read(seqs: readonly number[]): Promise<LogLine[]> {
    const sorted = [...seqs].sort((a, b) => a - b);
    const body = (await call("GET", `/runs/${this.run}/logs/lines/?seqs=${said(sorted, RANGES_MAX)}`)).body;
    const lines: LogLine[] = [];
    for (const value of Array.isArray(body["lines"]) ? body["lines"] : []) {
      if (!Array.isArray(value)) continue;
      const [seq, at, node, attempt, level, message] = value;
      if (typeof seq !== "number") continue;
      lines.push({
        seq,
        at: String(at),
        node: String(node),
        attempt: Number(attempt),
        level: String(level),
        message: String(message),
      });
    }
    this.cache.add(lines);
    return lines;
  }

  /** The lines with these numbers, in order, also those that are not here. Throws when they cannot be read. */
  async lines(seqs: readonly number[]): Promise<LogLine[]> {
    const found = new Map<number, LogLine>();
    let missing: number[] = [];
    for (const seq of seqs) {
      const line = this.cache.get(seq);
      if (line) found.set(seq, line);
      else missing.push(seq);
    }
    while (missing.length) {
      const got = await this.read(missing.slice(0, READ_MAX));
      if (!got.length) break;
      for (const line of got) found.set(line.seq, line);
      missing = missing.filter((seq) => !found.has(seq));
    }
    return seqs.flatMap((seq) => found.get(seq) ?? []);
  }
}
