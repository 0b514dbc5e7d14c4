/** The log of a run: the numbers of all lines, in total and by node, and the text of the lines in view.
 *
 * Numbers come from the server's index, then from the live feed; text is loaded by number when it is needed. So a log of a
 * million lines takes little memory.
 */

import { asText, type Json, type JsonObject } from "../../json";
import { call } from "../../api/client";
import type { LogLine } from "../../live/protocol";
import { LineCache } from "./line-cache";
import { retries as pageRetries } from "../../live/retries";
import { rangesText, SeqRanges } from "./ranges";

const RANGES_MAX = 150;
const READ_MAX = 1500;
const PENDING_MAX = 20_000;

const numbers = (value: Json | undefined): number[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "number") : [];

export class LogSource {
  readonly all = new SeqRanges();
  private readonly byNode = new Map<string, SeqRanges>();
  private readonly cache = new LineCache();
  /** Lines that arrived while the index was loading. */
  private pending: LogLine[] = [];
  private catchingUp: Promise<void> | null = null;
  private restart = false;
  private wanted: readonly number[] = [];
  private reading = false;
  /** The index was loaded at least once. */
  ready = false;
  /** Lines after the last known one may be missing until the index is loaded. */
  private behind = true;

  constructor(
    private readonly run: string,
    /** Called when requested text has arrived. */
    private readonly onText: () => void,
    private readonly retries = pageRetries,
  ) {}

  /** The lines of a node; empty: all lines. */
  ofNode(node: string): SeqRanges {
    if (!node) return this.all;
    let found = this.byNode.get(node);
    if (!found) this.byNode.set(node, (found = new SeqRanges()));
    return found;
  }

  line(seq: number): LogLine | undefined {
    return this.cache.get(seq);
  }

  /** Loads the index from the last known line on. Raises the errors of `call`. */
  catchUp(): Promise<void> {
    this.restart = this.behind = true;
    return (this.catchingUp ??= this.readIndex().finally(() => {
      this.catchingUp = null;
    }));
  }

  private async readIndex(): Promise<void> {
    while (this.restart) {
      this.restart = false;
      let after: number | null = this.all.last;
      while (after !== null) {
        const body: JsonObject = (await call("GET", `/runs/${this.run}/logs/index/?after=${after}`)).body;
        const nodes = Array.isArray(body["nodes"]) ? body["nodes"].map(String) : [];
        const batches = numbers(body["batches"]);
        for (let i = 0; i + 3 < batches.length; i += 4) {
          const first = batches[i] ?? 0;
          const count = batches[i + 1] ?? 0;
          this.ofNode(nodes[batches[i + 2] ?? 0] ?? "?").push(first, count);
          this.all.push(first, count);
        }
        after = typeof body["next"] === "number" ? body["next"] : null;
      }
    }
    this.ready = true;
    this.behind = false;
    const early = this.pending;
    this.pending = [];
    this.append(early);
  }

  /** Adds lines of the live feed; known lines are ignored. */
  add(lines: readonly LogLine[]): void {
    if (!this.behind) {
      this.append(lines);
      return;
    }
    for (const line of lines) this.pending.push(line);
    if (this.pending.length > PENDING_MAX) {
      // Load the index once more instead; it has these lines, too.
      this.pending = [];
      this.restart = true;
    }
  }

  private append(lines: readonly LogLine[]): void {
    for (const line of lines) {
      if (line.seq <= this.all.last) continue;
      this.all.push(line.seq);
      this.ofNode(line.node).push(line.seq);
    }
    // Do not cache more than can be read.
    this.cache.add(lines.length > READ_MAX ? lines.slice(-READ_MAX) : lines);
  }

  /** Loads the text of lines that are, or soon will be, in view. Replaces the lines wanted before. */
  prefetch(seqs: readonly number[]): void {
    this.wanted = seqs;
    void this.readWanted();
  }

  private readonly again = (): void => void this.readWanted();

  private async readWanted(): Promise<void> {
    if (this.reading || this.retries.waits(this.again)) return;
    this.reading = true;
    try {
      for (;;) {
        const missing = this.wanted.filter((seq) => !this.cache.has(seq)).slice(0, READ_MAX);
        if (!missing.length) return;
        const got = await this.read(missing);
        this.retries.answered(this.again);
        this.onText();
        // The lines no longer exist: asking again would never end.
        if (!got.length) return;
      }
    } catch (error) {
      this.retries.failed(error, this.again);
    } finally {
      this.reading = false;
    }
  }

  private async read(seqs: readonly number[]): Promise<LogLine[]> {
    const sorted = [...seqs].sort((a, b) => a - b);
    const body = (await call("GET", `/runs/${this.run}/logs/lines/?seqs=${rangesText(sorted, RANGES_MAX)}`)).body;
    const lines: LogLine[] = [];
    for (const value of Array.isArray(body["lines"]) ? body["lines"] : []) {
      if (!Array.isArray(value)) continue;
      const [seq, at, node, attempt, level, message] = value;
      if (typeof seq !== "number") continue;
      lines.push({
        seq,
        at: asText(at),
        node: asText(node),
        attempt: Number(attempt),
        level: asText(level),
        message: asText(message),
      });
    }
    this.cache.add(lines);
    return lines;
  }

  /** Returns the lines with these numbers in order, loading missing ones. Raises the errors of `call`. */
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
