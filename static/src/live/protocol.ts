/** Messages of the live protocol, read from what came over the socket without trusting its shape. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

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

export interface NodeOutput {
  readonly kind: string;
  readonly row_count: number | null;
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

/** The run or a node went from one state to another, or a node to its next attempt. */
export interface Step {
  readonly seq: number;
  readonly at: string;
  /** Id of the node; empty: the run itself. */
  readonly node: string;
  /** Null where what was before is not known. */
  readonly from: string | null;
  readonly to: string;
  /** Number of the node's attempt; 0: none has started. */
  readonly attempt: number;
  readonly reason: string;
  readonly error: NodeError | null;
}

export type RunEvent =
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

export interface OverviewMessage {
  readonly type: "snapshot" | "changes";
  readonly counters: JsonObject | null;
  readonly runs: readonly Run[] | null;
}

function object(value: Json | undefined): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}
const text = (value: Json | undefined): string =>
  typeof value === "string" ? value : value === null || value === undefined ? "" : String(value);
const textOrNull = (value: Json | undefined): string | null => (typeof value === "string" ? value : null);
const number = (value: Json | undefined): number => (typeof value === "number" ? value : 0);
const numberOrNull = (value: Json | undefined): number | null => (typeof value === "number" ? value : null);
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

export function parse(data: string): JsonObject | null {
  try {
    return object(JSON.parse(data) as Json);
  } catch {
    return null;
  }
}

export function readRun(value: Json | undefined): Run | null {
  const it = object(value);
  if (!it) return null;
  const counts: Record<string, number> = {};
  for (const [state, n] of Object.entries(object(it["counts"]) ?? {})) counts[state] = number(n);
  return {
    id: text(it["id"]),
    workflow: text(it["workflow"]),
    version: numberOrNull(it["version"]),
    state: text(it["state"]),
    counts,
    created_at: text(it["created_at"]),
    started_at: textOrNull(it["started_at"]),
    finished_at: textOrNull(it["finished_at"]),
    priority: number(it["priority"]),
  };
}

function readError(value: Json | undefined): NodeError | null {
  const it = object(value);
  return it && { class: text(it["class"]), message: text(it["message"]), line: numberOrNull(it["line"]) };
}

function readProgress(value: Json | undefined): Progress | null {
  const it = object(value);
  return it ? { fraction: numberOrNull(it["fraction"]), message: textOrNull(it["message"]) } : null;
}

export function readNode(value: Json | undefined): NodeRun | null {
  const it = object(value);
  if (!it) return null;
  const output = object(it["output"]);
  return {
    node: text(it["node"]),
    type: text(it["type"]),
    name: text(it["name"]) || text(it["node"]),
    state: text(it["state"]),
    reason: text(it["reason"]),
    attempt: number(it["attempt"]),
    started_at: textOrNull(it["started_at"]),
    finished_at: textOrNull(it["finished_at"]),
    expected: numberOrNull(it["expected"]),
    expected_from: text(it["expected_from"]) || "none",
    progress: readProgress(it["progress"]),
    error: readError(it["error"]),
    waiting_for: list(it["waiting_for"]).flatMap((entry) => {
      const one = object(entry);
      if (!one) return [];
      const waiting = { code: text(one["code"]), message: text(one["message"]), since: textOrNull(one["since"]) };
      const params = object(one["params"]);
      return [params ? { ...waiting, params } : waiting];
    }),
    output: output && {
      kind: text(output["kind"]),
      row_count: numberOrNull(output["row_count"]),
      bytes: number(output["bytes"]),
      ports: list(output["ports"]).map(text),
    },
  };
}

export function readLine(value: Json | undefined): LogLine | null {
  const it = object(value);
  if (!it) return null;
  return {
    seq: number(it["seq"]),
    at: text(it["at"]),
    node: text(it["node"]),
    attempt: number(it["attempt"]),
    level: text(it["level"]),
    message: text(it["message"]),
  };
}

function readEvent(value: Json): RunEvent {
  const it = object(value) ?? {};
  const base = { seq: number(it["seq"]), at: text(it["at"]) };
  switch (it["type"]) {
    case "run": {
      const run = readRun(it["run"]);
      if (run) return { ...base, type: "run", run };
      break;
    }
    case "node": {
      const node = readNode(it["node"]);
      if (node) return { ...base, type: "node", node };
      break;
    }
    case "log": {
      const line = readLine(it["line"]);
      if (line) return { ...base, type: "log", line };
      break;
    }
    case "progress":
      return {
        ...base,
        type: "progress",
        node: text(it["node"]),
        progress: { fraction: numberOrNull(it["fraction"]), message: textOrNull(it["message"]) },
      };
  }
  return { ...base, type: "other" };
}

/** A message about one run, or null when it is none that this page knows (samples, later kinds). */
export function readRunMessage(message: JsonObject): RunMessage | null {
  if (message["type"] === "snapshot") {
    const run = readRun(message["run"]);
    if (!run) return null;
    const nodes = new Map<string, NodeRun>();
    for (const [id, value] of Object.entries(object(message["nodes"]) ?? {})) {
      const node = readNode(value);
      if (node) nodes.set(id, node);
    }
    return { type: "snapshot", seq: number(message["seq"]), run, nodes };
  }
  if (message["type"] === "events") {
    return {
      type: "events",
      first: number(message["first"]),
      seq: number(message["seq"]),
      events: list(message["events"]).map(readEvent),
    };
  }
  return null;
}

/** The samples of a message, or null when it is another one. */
export function readSamples(message: JsonObject): readonly Sample[] | null {
  if (message["type"] !== "samples") return null;
  return list(message["samples"]).flatMap((value) => {
    const it = object(value);
    if (!it) return [];
    return [
      {
        node: text(it["node"]),
        attempt: number(it["attempt"]),
        at: text(it["at"]),
        cpu: numberOrNull(it["cpu_percent"]),
        memory: numberOrNull(it["memory_bytes"]),
      },
    ];
  });
}

/** A page of steps of a run, oldest first, and the number before which earlier ones are asked for; null: there are none. */
export function readSteps(body: JsonObject): { readonly steps: readonly Step[]; readonly before: number | null } {
  const steps = list(body["results"]).flatMap((value) => {
    const it = object(value);
    if (!it) return [];
    return [
      {
        seq: number(it["seq"]),
        at: text(it["at"]),
        node: text(it["node"]),
        from: textOrNull(it["from"]),
        to: text(it["to"]),
        attempt: number(it["attempt"]),
        reason: text(it["reason"]),
        error: readError(it["error"]),
      },
    ];
  });
  return { steps, before: numberOrNull(body["before"]) };
}

export function readOverviewMessage(message: JsonObject): OverviewMessage | null {
  const type = message["type"];
  if (type !== "snapshot" && type !== "changes") return null;
  return {
    type,
    counters: object(message["counters"]),
    runs: Array.isArray(message["runs"]) ? message["runs"].flatMap((value) => readRun(value) ?? []) : null,
  };
}
