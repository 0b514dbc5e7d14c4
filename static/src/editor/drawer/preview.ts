/** Selects the output that the drawer shows, and reads the beginning of it that the server sends. Pure. */

import type { NodeTypes } from "../../document/node-type";
import { isObject, type Json, type JsonObject } from "../../json";
import { configOf, type DocNode, edgeKey, nodeOf, typeOf } from "../../document/document";
import type { NodeRun } from "../../live/protocol";
import type { RunStore } from "../../run/store";
import { gettext } from "../../words/i18n";
import { NODE_ENDED, RUN_ENDED } from "../../words/words";
import type { EditorStore, NodeOutputInfo } from "../../document/store";

export interface ShownColumn {
  readonly name: string;
  readonly type: string;
  readonly nulls: number | null;
  /** The number of different values; null: not counted. */
  readonly distinct: number | null;
  readonly number: boolean;
}

export type Payload =
  | {
      readonly kind: "table";
      readonly columns: readonly ShownColumn[];
      readonly rows: readonly (readonly (string | null)[])[];
      readonly total: number;
      readonly counted: number;
      readonly shown: number;
    }
  | { readonly kind: "json"; readonly text: string; readonly cut: boolean; readonly bytes: number }
  | { readonly kind: "unreadable"; readonly why: string }
  | { readonly kind: "none" };

/** Returns the node whose output is shown: the selected node, or the source of the selected edge. */
export function subjectOf(store: EditorStore): DocNode | null {
  const { nodes, edges } = store.selection;
  if (nodes.size === 1 && !edges.size) return store.node;
  if (nodes.size || edges.size !== 1) return null;
  const [key] = edges;
  const edge = store.doc.edges.find((each) => edgeKey(each) === key);
  return edge ? (nodeOf(store.doc, edge.source) ?? null) : null;
}

type Standing =
  | { readonly kind: "rest" }
  /** The node has not ended yet in the present run of the draft. */
  | { readonly kind: "under way"; readonly node: NodeRun }
  /** The node did not succeed in that run. */
  | { readonly kind: "failed"; readonly node: NodeRun };

/** Returns the state of a node in the run of the draft that the editor follows. */
export function standingOf(run: RunStore | null, id: string): Standing {
  const node = run?.nodes.get(id);
  if (!run || !node) return { kind: "rest" };
  if (!NODE_ENDED.has(node.state))
    return RUN_ENDED.has(run.run?.state ?? "") ? { kind: "rest" } : { kind: "under way", node };
  if (
    node.state === "failed" ||
    node.state === "timed_out" ||
    node.state === "upstream_failed" ||
    node.state === "cancelled"
  )
    return { kind: "failed", node };
  return { kind: "rest" };
}

/** Returns the node that failed first: later failures may be its consequences. */
export function firstFailed(nodes: Iterable<NodeRun>): NodeRun | null {
  let first: NodeRun | null = null;
  for (const node of nodes) {
    if (node.state !== "failed" && node.state !== "timed_out") continue;
    if (!first || (node.finished_at ?? "") < (first.finished_at ?? "")) first = node;
  }
  return first;
}

/** Returns a unique key of an output. The output of a run changes only when its node is retried, which changes the time
 * of its end. */
export const outputKey = (node: string, output: NodeOutputInfo): string =>
  JSON.stringify([node, output.run, output.at]);

export function readPayload(body: JsonObject): Payload {
  const number = (key: string): number => (typeof body[key] === "number" ? body[key] : 0);
  const text = (key: string): string => (typeof body[key] === "string" ? body[key] : "");
  switch (body["kind"]) {
    case "table":
      return {
        kind: "table",
        columns: list(body["columns"]).flatMap(readColumn),
        rows: list(body["rows"]).map((row) => list(row).map((cell) => (typeof cell === "string" ? cell : null))),
        total: number("row_count"),
        counted: number("counted"),
        shown: number("shown"),
      };
    case "json":
      return { kind: "json", text: text("value"), cut: body["cut"] === true, bytes: number("bytes") };
    case "unreadable":
      return { kind: "unreadable", why: text("why") };
    default:
      return { kind: "none" };
  }
}

const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

function readColumn(value: Json): ShownColumn[] {
  if (!isObject(value) || typeof value["name"] !== "string") return [];
  const number = (key: string): number | null => (typeof value[key] === "number" ? value[key] : null);
  return [
    {
      name: value["name"],
      type: typeof value["type"] === "string" ? value["type"] : "",
      nulls: number("nulls"),
      distinct: number("distinct"),
      number: value["number"] === true,
    },
  ];
}

/** Returns the key of the file preview of a node; empty: the node reads no file. */
export function fileKey(node: DocNode, types: NodeTypes): string {
  const type = types.get(typeOf(node));
  const field = type?.previews_files ? type.paths.find(({ direction }) => direction === "read")?.field : undefined;
  const config = configOf(node);
  const path = field === undefined ? undefined : config[field];
  return typeof path === "string" && path !== "" && !path.includes("{{")
    ? `file ${JSON.stringify([typeOf(node), config])}`
    : "";
}

/** Returns a readable name of a DuckDB type. */
export function typeName(type: string): string {
  switch (type) {
    case "VARCHAR":
      return gettext("text");
    case "TIMESTAMP WITH TIME ZONE":
      return "timestamptz";
    default:
      return type.toLowerCase();
  }
}
