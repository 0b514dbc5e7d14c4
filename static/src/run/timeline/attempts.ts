/** The data of the timeline: when each attempt waited, ran and ended. One row per started node, ordered by start, then by
 * the document. Loaded once from the API and kept current by node events. Pure. */

import { asText, type Json, type JsonObject } from "../../json";
import type { NodeRun } from "../../live/protocol";

/** Times in milliseconds since 1970; null: not yet. */
export interface AttemptBar {
  readonly attempt: number;
  /** State of the attempt; ready, retrying or waiting before it starts. */
  readonly state: string;
  readonly waitingFrom: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly retryAt: number | null;
}

export interface TimelineRow {
  readonly node: string;
  /** In order of the attempts. */
  readonly bars: AttemptBar[];
}

const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out", "cancelled"]);
const BEFORE_START: ReadonlySet<string> = new Set(["ready", "retrying", "waiting"]);

/** Parses a time with fractions of a millisecond, which Date ignores; short nodes take less than one. */
function parseTime(value: Json | undefined): number | null {
  const at = typeof value === "string" ? Date.parse(value) : NaN;
  if (Number.isNaN(at) || typeof value !== "string") return null;
  const fraction = /\.\d{3}(\d+)/.exec(value)?.[1];
  return fraction ? at + Number(`0.${fraction}`) : at;
}

/** The start of a bar, waiting included. */
function startOf(bar: AttemptBar): number {
  return bar.waitingFrom ?? bar.startedAt ?? Infinity;
}

export class TimelineRows {
  rows: TimelineRow[] = [];
  private byNode = new Map<string, TimelineRow>();
  private places: Map<string, number> | null = null;
  /** Start and end of the run; null: not yet. */
  from: number | null = null;
  to: number | null = null;

  /** `order`: index of a node in the document. */
  constructor(private readonly order: (node: string) => number = () => 0) {}

  /** Index of a node's row; -1: none. */
  indexOf(node: string): number {
    this.places ??= new Map(this.rows.map((row, index) => [row.node, index]));
    return this.places.get(node) ?? -1;
  }

  of(node: string): TimelineRow | undefined {
    return this.byNode.get(node);
  }

  clear(): void {
    this.rows = [];
    this.byNode.clear();
    this.places = null;
    this.from = this.to = null;
  }

  /** Adds a page of the timeline API; its bars replace those of the same attempts. */
  read(body: JsonObject): void {
    this.from = parseTime(body["from"]) ?? this.from;
    this.to = parseTime(body["to"]);
    for (const value of Array.isArray(body["bars"]) ? body["bars"] : []) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
      const it: JsonObject = value;
      this.set(asText(it["node"]), {
        attempt: Number(it["attempt"]),
        state: asText(it["state"]),
        waitingFrom: parseTime(it["waiting_from"]),
        startedAt: parseTime(it["started_at"]),
        finishedAt: parseTime(it["finished_at"]),
        retryAt: parseTime(it["retry_at"]),
      });
    }
    this.sort();
  }

  /** Updates the bars of a node from its state at `now`; returns whether a bar changed. */
  update(node: NodeRun, now: number): boolean {
    const { attempt, state } = node;
    const started = parseTime(node.started_at);
    const finished = parseTime(node.finished_at);
    const known = this.bar(node.node, attempt);
    const before = this.byNode.get(node.node);
    if (state === "running") {
      this.set(node.node, {
        attempt,
        state,
        waitingFrom: known?.waitingFrom ?? null,
        startedAt: started ?? known?.startedAt ?? now,
        finishedAt: null,
        retryAt: null,
      });
    } else if (BEFORE_START.has(state)) {
      // The running attempt has ended, but not the node: it failed and is retried, or it was lost.
      const ended = known && known.startedAt !== null && known.finishedAt === null;
      if (ended)
        this.set(node.node, {
          ...known,
          state: state === "retrying" ? failedState(node) : "lost",
          finishedAt: finished ?? now,
        });
      const since = state === "retrying" ? (finished ?? now) : (parseTime(node.waiting_for[0]?.since ?? null) ?? now);
      const next = this.bar(node.node, attempt + 1);
      this.set(node.node, {
        attempt: attempt + 1,
        state,
        waitingFrom: next?.waitingFrom ?? since,
        startedAt: null,
        finishedAt: null,
        retryAt: null,
      });
    } else if (ENDED.has(state) && known && known.startedAt !== null) {
      this.set(node.node, { ...known, state, finishedAt: finished ?? known.finishedAt ?? now });
      this.removeUpcoming(node.node, attempt);
    } else if (ENDED.has(state) && attempt > 0 && started !== null) {
      this.set(node.node, {
        attempt,
        state,
        waitingFrom: null,
        startedAt: started,
        finishedAt: finished ?? now,
        retryAt: null,
      });
      this.removeUpcoming(node.node, attempt);
    } else if (before) {
      // Skipped, stopped or reset before its next attempt started.
      this.removeUpcoming(node.node, attempt);
    } else return false;
    if (!before) this.sort();
    return true;
  }

  private bar(node: string, attempt: number): AttemptBar | undefined {
    return this.byNode.get(node)?.bars.find((bar) => bar.attempt === attempt);
  }

  private set(node: string, bar: AttemptBar): void {
    let row = this.byNode.get(node);
    if (!row) {
      row = { node, bars: [] };
      this.byNode.set(node, row);
      this.rows.push(row);
      this.places = null;
    }
    const at = row.bars.findIndex((one) => one.attempt >= bar.attempt);
    if (at < 0) row.bars.push(bar);
    else row.bars.splice(at, row.bars[at]?.attempt === bar.attempt ? 1 : 0, bar);
  }

  /** Removes bars of attempts after `attempt` that have not started. */
  private removeUpcoming(node: string, attempt: number): void {
    const row = this.byNode.get(node);
    if (!row) return;
    while ((row.bars.at(-1)?.attempt ?? 0) > attempt && row.bars.at(-1)?.startedAt === null) row.bars.pop();
  }

  private sort(): void {
    this.rows = this.rows.filter((row) => row.bars.length > 0);
    const begins = new Map(this.rows.map((row) => [row, row.bars[0] ? startOf(row.bars[0]) : Infinity]));
    // Nodes that became ready in one tick have the same time.
    this.rows.sort((a, b) => (begins.get(a) ?? 0) - (begins.get(b) ?? 0) || this.order(a.node) - this.order(b.node));
    this.places = null;
  }
}

function failedState(node: NodeRun): string {
  const kind = node.error?.class ?? "";
  return kind === "SoftTimeout" || kind === "HardTimeout" ? "timed_out" : "failed";
}
