/** What is wrong with the document, as the server or the browser says it. Pure. */

import type { Json } from "../live/protocol";
import { type Operation, readOperations } from "./patch";

export interface Problem {
  /** Id of the node; null: the workflow, or an edge. */
  readonly node: string | null;
  /** Place in the document, as in `nodes[3].config.sql`; empty: the document itself. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly severity: "error" | "warning";
  /** From 1, within the text that `path` names. */
  readonly line: number | null;
  /** Start and end in the text that `path` names, in Unicode code points. */
  readonly span: readonly [number, number] | null;
  readonly fix: { readonly label: string; readonly changes: readonly Operation[] } | null;
}

function readProblem(value: Json): Problem | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const text = (key: string): string => (typeof value[key] === "string" ? value[key] : "");
  const fix = value["fix"];
  const offered = typeof fix === "object" && fix !== null && !Array.isArray(fix) ? fix : null;
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

/** The field of a node that a problem is about: ["config", "sql"] of `nodes[3].config.sql`; empty: the node as such. */
export function fieldOf(problem: Problem): readonly (string | number)[] {
  const inside = /^nodes\[\d+\]\.?(.*)$/.exec(problem.path)?.[1] ?? "";
  return [...inside.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(([, index, quoted, word]) =>
    index !== undefined ? Number(index) : quoted !== undefined ? (JSON.parse(`"${quoted}"`) as string) : (word ?? ""),
  );
}
