/** Which nodes the table shows, and in which order. Pure; `now` by the server's clock, in ms. */

import type { NodeRun } from "../../live/protocol";
import { secondsBetween } from "../../words/words";

export const COLUMNS = ["name", "state", "attempt", "start", "duration"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Order {
  /** Null: the order of the document. */
  readonly column: Column | null;
  readonly descending: boolean;
}

export interface Wanted {
  /** States of which nodes are shown, and `stuck`; empty: all. */
  readonly states: ReadonlySet<string>;
  /** Lower case; in the name, id or type. */
  readonly text: string;
}

/** What asks for a person comes first. */
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

/** Whether a span of the node counts: what went back to waiting has begun once, but does not go on. */
export function goesOn(node: NodeRun): boolean {
  return node.started_at !== null && (node.state === "running" || node.finished_at !== null);
}

/** Seconds that the node has run; null: it does not count. */
export function ran(node: NodeRun, now: number): number | null {
  if (!node.started_at || !goesOn(node)) return null;
  return node.finished_at
    ? secondsBetween(node.started_at, node.finished_at)
    : (now - Date.parse(node.started_at)) / 1000;
}

/** Ids of the wanted nodes in order; equal ones stay in the order of `nodes`, and what has no value comes last. */
export function arrange(
  nodes: Iterable<NodeRun>,
  wanted: Wanted,
  order: Order,
  stuck: ReadonlySet<string>,
  now: number,
): string[] {
  const found: NodeRun[] = [];
  for (const node of nodes) if (fits(node, wanted, stuck)) found.push(node);
  const column = order.column;
  if (column) {
    const keys = new Map(found.map((node) => [node, keyOf(node, column, stuck, now)]));
    const sign = order.descending ? -1 : 1;
    found.sort((a, b) => compare(keys.get(a) ?? null, keys.get(b) ?? null, sign));
  }
  return found.map((node) => node.node);
}

function fits(node: NodeRun, { states, text }: Wanted, stuck: ReadonlySet<string>): boolean {
  if (states.size && !states.has(node.state) && !(states.has("stuck") && stuck.has(node.node))) return false;
  return (
    !text ||
    node.name.toLowerCase().includes(text) ||
    node.node.includes(text) ||
    node.type.toLowerCase().includes(text)
  );
}

type Key = string | number | null;

function keyOf(node: NodeRun, column: Column, stuck: ReadonlySet<string>, now: number): Key {
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
      return ran(node, now);
  }
}

const names = new Intl.Collator(undefined, { numeric: true });

function compare(a: Key, b: Key, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "string" && typeof b === "string") return sign * names.compare(a, b);
  return sign * (a < b ? -1 : a > b ? 1 : 0);
}

/** How many nodes are in each state, in the order of urgency. */
export function tally(nodes: Iterable<NodeRun>, stuck: number): Map<string, number> {
  const counted = new Map<string, number>();
  for (const node of nodes) counted.set(node.state, (counted.get(node.state) ?? 0) + 1);
  if (stuck) counted.set("stuck", stuck);
  return new Map([...counted].sort(([a], [b]) => URGENCY.indexOf(a) - URGENCY.indexOf(b)));
}
