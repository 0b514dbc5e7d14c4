/** When each attempt of a run waited, ran and ended: a row for each node that has begun, in the order of their begins, and
 * of the document where these are the same. Read once from the API and kept current from node events. Pure. */

import type { Json, JsonObject } from "../../json";
import type { NodeRun } from "../../live/protocol";

/** Times in ms since 1970; null: not yet. */
export interface Bar {
  readonly attempt: number;
  /** Of the attempt; ready, retrying or waiting before it has begun. */
  readonly state: string;
  readonly waitingFrom: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly retryAt: number | null;
}

export interface Row {
  readonly node: string;
  /** The first first. */
  readonly bars: Bar[];
}

const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out", "cancelled"]);
const TO_COME: ReadonlySet<string> = new Set(["ready", "retrying", "waiting"]);

/** With the parts of a millisecond, which Date leaves out: short nodes take less than one. */
function time(value: Json | undefined): number | null {
  const at = typeof value === "string" ? Date.parse(value) : NaN;
  if (Number.isNaN(at) || typeof value !== "string") return null;
  const fraction = /\.\d{3}(\d+)/.exec(value)?.[1];
  return fraction ? at + Number(`0.${fraction}`) : at;
}

/** When a bar begins: waiting counts. */
export function begin(bar: Bar): number {
  return bar.waitingFrom ?? bar.startedAt ?? Infinity;
}

export class Bars {
  rows: Row[] = [];
  private byNode = new Map<string, Row>();
  private places: Map<string, number> | null = null;
  /** Begin and end of the run; null while it has none. */
  from: number | null = null;
  to: number | null = null;

  /** `order`: place of a node in the document. */
  constructor(private readonly order: (node: string) => number = () => 0) {}

  /** Place of a node's row; -1: it has none. */
  place(node: string): number {
    this.places ??= new Map(this.rows.map((row, index) => [row.node, index]));
    return this.places.get(node) ?? -1;
  }

  of(node: string): Row | undefined {
    return this.byNode.get(node);
  }

  clear(): void {
    this.rows = [];
    this.byNode.clear();
    this.places = null;
    this.from = this.to = null;
  }

  /** Takes one answer of `timeline/`; its bars replace those known of the same nodes and attempts. */
  read(body: JsonObject): void {
    this.from = time(body["from"]) ?? this.from;
    this.to = time(body["to"]);
    for (const value of Array.isArray(body["bars"]) ? body["bars"] : []) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
      const it: JsonObject = value;
      this.set(String(it["node"]), {
        attempt: Number(it["attempt"]),
        state: String(it["state"]),
        waitingFrom: time(it["waiting_from"]),
        startedAt: time(it["started_at"]),
        finishedAt: time(it["finished_at"]),
        retryAt: time(it["retry_at"]),
      });
    }
    this.sort();
  }

  /** A node is as an event says, at `now`. Returns whether a bar changed. */
  change(node: NodeRun, now: number): boolean {
    const { attempt, state } = node;
    const started = time(node.started_at);
    const finished = time(node.finished_at);
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
    } else if (TO_COME.has(state)) {
      // What ran until now has ended without the node: it failed and will be tried again, or it was lost.
      const ended = known && known.startedAt !== null && known.finishedAt === null;
      if (ended)
        this.set(node.node, {
          ...known,
          state: state === "retrying" ? failure(node) : "lost",
          finishedAt: finished ?? now,
        });
      const since = state === "retrying" ? (finished ?? now) : (time(node.waiting_for[0]?.since ?? null) ?? now);
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
      this.drop(node.node, attempt);
    } else if (ENDED.has(state) && attempt > 0 && started !== null) {
      this.set(node.node, {
        attempt,
        state,
        waitingFrom: null,
        startedAt: started,
        finishedAt: finished ?? now,
        retryAt: null,
      });
      this.drop(node.node, attempt);
    } else if (before) {
      // Skipped, stopped or put back before its next attempt began.
      this.drop(node.node, attempt);
    } else return false;
    if (!before) this.sort();
    return true;
  }

  private bar(node: string, attempt: number): Bar | undefined {
    return this.byNode.get(node)?.bars.find((bar) => bar.attempt === attempt);
  }

  private set(node: string, bar: Bar): void {
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

  /** What was to come after `attempt` does not. */
  private drop(node: string, attempt: number): void {
    const row = this.byNode.get(node);
    if (!row) return;
    while ((row.bars.at(-1)?.attempt ?? 0) > attempt && row.bars.at(-1)?.startedAt === null) row.bars.pop();
  }

  private sort(): void {
    this.rows = this.rows.filter((row) => row.bars.length > 0);
    const begins = new Map(this.rows.map((row) => [row, row.bars[0] ? begin(row.bars[0]) : Infinity]));
    // What became ready in one tick did so at one time.
    this.rows.sort((a, b) => (begins.get(a) ?? 0) - (begins.get(b) ?? 0) || this.order(a.node) - this.order(b.node));
    this.places = null;
  }
}

function failure(node: NodeRun): string {
  const kind = node.error?.class ?? "";
  return kind === "SoftTimeout" || kind === "HardTimeout" ? "timed_out" : "failed";
}
