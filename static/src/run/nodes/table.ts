/** Filtering and sorting of the table of nodes. Pure; `now`: milliseconds by the server's clock. */

import type { NodeRun } from "../../live/protocol";
import { secondsBetween } from "../../words/words";

const COLUMNS = ["name", "state", "attempt", "start", "duration"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Order {
  /** Null: document order. */
  readonly column: Column | null;
  readonly descending: boolean;
}

export interface NodeFilter {
  /** States to show, `stuck` included; empty: all. */
  readonly states: ReadonlySet<string>;
  /** Text in the name, id or type, in lower case. */
  readonly text: string;
}

/** States in order of urgency. */
const URGENCY = [
  "failed",
  "timed_out",
  "stuck",
  "running",
  "retrying",
  "waiting",
  "ready",
  "pending",
  "cancelled",
  "upstream_failed",
  "skipped",
  "succeeded",
];

export function isColumn(name: string): name is Column {
  return (COLUMNS as readonly string[]).includes(name);
}

/** Returns whether the node's duration is shown; a node that went back to waiting has a start, but no duration. */
export function hasDuration(node: NodeRun): boolean {
  return node.started_at !== null && (node.state === "running" || node.finished_at !== null);
}

/** Seconds that the node has run; null: no duration. */
function secondsRun(node: NodeRun, now: number): number | null {
  if (!node.started_at || !hasDuration(node)) return null;
  return node.finished_at
    ? secondsBetween(node.started_at, node.finished_at)
    : (now - Date.parse(node.started_at)) / 1000;
}

/** Returns the ids of matching nodes in order. Equal ones keep the order of `nodes`; nodes without a value come last. */
export function sortNodes(
  nodes: Iterable<NodeRun>,
  wanted: NodeFilter,
  order: Order,
  stuck: ReadonlySet<string>,
  now: number,
): string[] {
  const found: NodeRun[] = [];
  for (const node of nodes) if (matches(node, wanted, stuck)) found.push(node);
  const column = order.column;
  if (column) {
    const keys = new Map(found.map((node) => [node, sortKey(node, column, stuck, now)]));
    const sign = order.descending ? -1 : 1;
    found.sort((a, b) => compare(keys.get(a) ?? null, keys.get(b) ?? null, sign));
  }
  return found.map((node) => node.node);
}

function matches(node: NodeRun, { states, text }: NodeFilter, stuck: ReadonlySet<string>): boolean {
  if (states.size && !states.has(node.state) && !(states.has("stuck") && stuck.has(node.node))) return false;
  return (
    !text ||
    node.name.toLowerCase().includes(text) ||
    node.node.includes(text) ||
    node.type.toLowerCase().includes(text)
  );
}

type SortKey = string | number | null;

function sortKey(node: NodeRun, column: Column, stuck: ReadonlySet<string>, now: number): SortKey {
  switch (column) {
    case "name":
      return node.name.toLowerCase();
    case "state":
      return URGENCY.indexOf(stuck.has(node.node) ? "stuck" : node.state);
    case "attempt":
      return node.attempt || null;
    case "start":
      return node.started_at && Date.parse(node.started_at);
    case "duration":
      return secondsRun(node, now);
  }
}

const names = new Intl.Collator(undefined, { numeric: true });

function compare(a: SortKey, b: SortKey, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "string" && typeof b === "string") return sign * names.compare(a, b);
  return sign * (a < b ? -1 : a > b ? 1 : 0);
}

/** Counts nodes by state, in order of urgency. */
export function countStates(nodes: Iterable<NodeRun>, stuck: number): Map<string, number> {
  const counted = new Map<string, number>();
  for (const node of nodes) counted.set(node.state, (counted.get(node.state) ?? 0) + 1);
  if (stuck) counted.set("stuck", stuck);
  return new Map([...counted].sort(([a], [b]) => URGENCY.indexOf(a) - URGENCY.indexOf(b)));
}
