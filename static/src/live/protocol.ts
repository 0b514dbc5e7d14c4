/** Messages of the live protocol. Readers accept any JSON and never trust its shape. */

import { asList, asNumber, asNumberOrNull, asObject, asText, asTextOrNull, type Json, type JsonObject } from "../json";

export interface Run {
  readonly id: string;
  readonly workflow: string;
  readonly version: number | null;
  readonly state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly priority: number;
}

export interface NodeError {
  readonly class: string;
  readonly message: string;
  readonly line: number | null;
}

export interface Progress {
  readonly fraction: number | null;
  readonly message: string | null;
}

export interface Waiting {
  readonly code: string;
  readonly message: string;
  readonly since: string | null;
  /** The values in `message`, by name; events of earlier releases have none. */
  readonly params?: Readonly<Record<string, unknown>>;
}

interface NodeOutput {
  readonly kind: string;
  readonly row_count: number | null;
  /** Lines of files that could not be read and were left out; null: none. */
  readonly skipped_lines?: number | null;
  readonly bytes: number;
  readonly ports: readonly string[];
}

export interface NodeRun {
  readonly node: string;
  readonly type: string;
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly attempt: number;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly expected: number | null;
  /** author, learned or none. */
  readonly expected_from: string;
  readonly progress: Progress | null;
  readonly error: NodeError | null;
  readonly waiting_for: readonly Waiting[];
  readonly output: NodeOutput | null;
}

export interface LogLine {
  readonly seq: number;
  readonly at: string;
  readonly node: string;
  readonly attempt: number;
  readonly level: string;
  readonly message: string;
}

/** Resource use of a node's process tree at one moment; null: not determined. */
export interface Sample {
  readonly node: string;
  readonly attempt: number;
  readonly at: string;
  /** Percent of one core. */
  readonly cpu: number | null;
  /** Bytes. */
  readonly memory: number | null;
}

/** A change of the state of the run or of a node, or the next attempt of a node. */
export interface Step {
  readonly seq: number;
  readonly at: string;
  /** Id of the node; empty: the run itself. */
  readonly node: string;
  /** Null: unknown. */
  readonly from: string | null;
  readonly to: string;
  /** Number of the node's attempt; 0: none has started. */
  readonly attempt: number;
  readonly reason: string;
  readonly error: NodeError | null;
}

type RunEvent =
  | { readonly seq: number; readonly at: string; readonly type: "run"; readonly run: Run }
  | { readonly seq: number; readonly at: string; readonly type: "node"; readonly node: NodeRun }
  | { readonly seq: number; readonly at: string; readonly type: "log"; readonly line: LogLine }
  | {
      readonly seq: number;
      readonly at: string;
      readonly type: "progress";
      readonly node: string;
      readonly progress: Progress;
    }
  | { readonly seq: number; readonly at: string; readonly type: "other" };

export type RunMessage =
  | { readonly type: "snapshot"; readonly seq: number; readonly run: Run; readonly nodes: ReadonlyMap<string, NodeRun> }
  | { readonly type: "events"; readonly first: number; readonly seq: number; readonly events: readonly RunEvent[] };

function readRun(value: Json | undefined): Run | null {
  const it = asObject(value);
  if (!it) return null;
  const counts: Record<string, number> = {};
  for (const [state, n] of Object.entries(asObject(it["counts"]) ?? {})) counts[state] = asNumber(n);
  return {
    id: asText(it["id"]),
    workflow: asText(it["workflow"]),
    version: asNumberOrNull(it["version"]),
    state: asText(it["state"]),
    counts,
    created_at: asText(it["created_at"]),
    started_at: asTextOrNull(it["started_at"]),
    finished_at: asTextOrNull(it["finished_at"]),
    priority: asNumber(it["priority"]),
  };
}

function readError(value: Json | undefined): NodeError | null {
  const it = asObject(value);
  return it && { class: asText(it["class"]), message: asText(it["message"]), line: asNumberOrNull(it["line"]) };
}

function readProgress(value: Json | undefined): Progress | null {
  const it = asObject(value);
  return it ? { fraction: asNumberOrNull(it["fraction"]), message: asTextOrNull(it["message"]) } : null;
}

function readNode(value: Json | undefined): NodeRun | null {
  const it = asObject(value);
  if (!it) return null;
  const output = asObject(it["output"]);
  return {
    node: asText(it["node"]),
    type: asText(it["type"]),
    name: asText(it["name"]) || asText(it["node"]),
    state: asText(it["state"]),
    reason: asText(it["reason"]),
    attempt: asNumber(it["attempt"]),
    started_at: asTextOrNull(it["started_at"]),
    finished_at: asTextOrNull(it["finished_at"]),
    expected: asNumberOrNull(it["expected"]),
    expected_from: asText(it["expected_from"]) || "none",
    progress: readProgress(it["progress"]),
    error: readError(it["error"]),
    waiting_for: asList(it["waiting_for"]).flatMap((entry) => {
      const one = asObject(entry);
      if (!one) return [];
      const waiting = { code: asText(one["code"]), message: asText(one["message"]), since: asTextOrNull(one["since"]) };
      const params = asObject(one["params"]);
      return [params ? { ...waiting, params } : waiting];
    }),
    output: output && {
      kind: asText(output["kind"]),
      row_count: asNumberOrNull(output["row_count"]),
      skipped_lines: asNumberOrNull(output["skipped_lines"]),
      bytes: asNumber(output["bytes"]),
      ports: asList(output["ports"]).map(asText),
    },
  };
}

function readLine(value: Json | undefined): LogLine | null {
  const it = asObject(value);
  if (!it) return null;
  return {
    seq: asNumber(it["seq"]),
    at: asText(it["at"]),
    node: asText(it["node"]),
    attempt: asNumber(it["attempt"]),
    level: asText(it["level"]),
    message: asText(it["message"]),
  };
}

function readEvent(value: Json): RunEvent {
  const it = asObject(value) ?? {};
  const base = { seq: asNumber(it["seq"]), at: asText(it["at"]) };
  const run = it["type"] === "run" ? readRun(it["run"]) : null;
  if (run) return { ...base, type: "run", run };
  const node = it["type"] === "node" ? readNode(it["node"]) : null;
  if (node) return { ...base, type: "node", node };
  const line = it["type"] === "log" ? readLine(it["line"]) : null;
  if (line) return { ...base, type: "log", line };
  if (it["type"] === "progress")
    return {
      ...base,
      type: "progress",
      node: asText(it["node"]),
      progress: { fraction: asNumberOrNull(it["fraction"]), message: asTextOrNull(it["message"]) },
    };
  return { ...base, type: "other" };
}

/** Reads a message about one run; null: it is of another kind (samples, later kinds). */
export function readRunMessage(message: JsonObject): RunMessage | null {
  if (message["type"] === "snapshot") {
    const run = readRun(message["run"]);
    if (!run) return null;
    const nodes = new Map<string, NodeRun>();
    for (const [id, value] of Object.entries(asObject(message["nodes"]) ?? {})) {
      const node = readNode(value);
      if (node) nodes.set(id, node);
    }
    return { type: "snapshot", seq: asNumber(message["seq"]), run, nodes };
  }
  if (message["type"] === "events") {
    return {
      type: "events",
      first: asNumber(message["first"]),
      seq: asNumber(message["seq"]),
      events: asList(message["events"]).map(readEvent),
    };
  }
  return null;
}

/** Reads a message of samples; null: it is of another kind. */
export function readSamples(message: JsonObject): readonly Sample[] | null {
  if (message["type"] !== "samples") return null;
  return asList(message["samples"]).flatMap((value) => {
    const it = asObject(value);
    if (!it) return [];
    return [
      {
        node: asText(it["node"]),
        attempt: asNumber(it["attempt"]),
        at: asText(it["at"]),
        cpu: asNumberOrNull(it["cpu_percent"]),
        memory: asNumberOrNull(it["memory_bytes"]),
      },
    ];
  });
}

/** Reads a page of a run's steps, oldest first, and the number before which earlier ones are requested (null: none). */
export function readSteps(body: JsonObject): { readonly steps: readonly Step[]; readonly before: number | null } {
  const steps = asList(body["results"]).flatMap((value) => {
    const it = asObject(value);
    if (!it) return [];
    return [
      {
        seq: asNumber(it["seq"]),
        at: asText(it["at"]),
        node: asText(it["node"]),
        from: asTextOrNull(it["from"]),
        to: asText(it["to"]),
        attempt: asNumber(it["attempt"]),
        reason: asText(it["reason"]),
        error: readError(it["error"]),
      },
    ];
  });
  return { steps, before: asNumberOrNull(body["before"]) };
}
