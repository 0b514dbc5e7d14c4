/** Problems of a document, found by the server or in the browser. Pure. */

import { isObject, type Json } from "../json";
import { type Operation, readOperations } from "./patch";

export interface Problem {
  /** Id of the node; null: the workflow, or an edge. */
  readonly node: string | null;
  /** Path in the document, as in `nodes[3].config.sql`; empty: the document itself. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly severity: "error" | "warning";
  /** Line number from 1 in the text at `path`; null: none. */
  readonly line: number | null;
  /** Start and end in the text that `path` names, in Unicode code points. */
  readonly span: readonly [number, number] | null;
  readonly fix: { readonly label: string; readonly changes: readonly Operation[] } | null;
}

function readProblem(value: Json): Problem | null {
  if (!isObject(value)) return null;
  const text = (key: string): string => (typeof value[key] === "string" ? value[key] : "");
  const fix = value["fix"];
  const offered = isObject(fix) ? fix : null;
  const changes = readOperations(offered?.["changes"]);
  const label = typeof offered?.["label"] === "string" ? offered["label"] : "";
  return {
    node: typeof value["node"] === "string" ? value["node"] : null,
    path: text("path"),
    code: text("code"),
    message: text("message"),
    severity: value["severity"] === "warning" ? "warning" : "error",
    line: typeof value["line"] === "number" ? value["line"] : null,
    span: readSpan(value["span"]),
    fix: changes && label ? { label, changes } : null,
  };
}

function readSpan(value: Json | undefined): readonly [number, number] | null {
  const [start, end] = Array.isArray(value) ? value : [];
  return typeof start === "number" && typeof end === "number" ? [start, end] : null;
}

export const readProblems = (value: Json | undefined): Problem[] =>
  Array.isArray(value) ? value.flatMap((entry) => readProblem(entry) ?? []) : [];

/** Returns the path within the node: ["config", "sql"] of `nodes[3].config.sql`; empty: the node itself. */
export function problemField(problem: Problem): readonly (string | number)[] {
  const inside = /^nodes\[\d+\]\.?(.*)$/.exec(problem.path)?.[1] ?? "";
  return [...inside.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(([, index, quoted, word]) =>
    index !== undefined ? Number(index) : quoted !== undefined ? (JSON.parse(`"${quoted}"`) as string) : (word ?? ""),
  );
}
