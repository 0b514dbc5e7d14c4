import { BUILT_IN } from "../../document/testing/node-type";
import { describe, expect, it } from "vitest";
import { reduce } from "../../document/changes";
import type { Doc, DocNode } from "../../document/document";
import { type Answer, localProblems, mergeProblems, onlyMoved, sameProblems } from "./local-checks";

import type { Problem } from "../../document/problems";

const TYPES = BUILT_IN;
const node = (id: string, config: Record<string, string>, kind = "table.sql"): DocNode => ({ id, type: kind, config });
const doc = (nodes: DocNode[], edges: Doc["edges"] = []): Doc => ({ schema: "interlock/1", nodes, edges });
const found = (place: string, node: string, code: string, message: string, fix: Problem["fix"] = null): Problem => ({
  node,
  path: place,
  code,
  message,
  severity: "error",
  line: null,
  span: null,
  fix,
});

describe("what is said at once", () => {
  it("names what a type needs in the server's words", () => {
    expect(
      localProblems(doc([node("a", {}), node("b", { sql: "" }), node("c", { sql: "from a" })]), TYPES).map((one) => [
        one.path,
        one.code,
        one.message,
      ]),
    ).toEqual([
      ["nodes[0].config.sql", "missing_field", "Enter a query."],
      ["nodes[1].config.sql", "wrong_value", "Enter a query."],
    ]);
  });

  it("says that a node has no input until an edge leads to it", () => {
    const one = doc([node("a", { sql: "select 1" }), node("w", { path: "x.csv" }, "table.write")]);
    expect(localProblems(one, TYPES).map((problem) => problem.code)).toEqual(["no_input"]);
    expect(localProblems({ ...one, edges: [{ source: "a", target: "w" }] }, TYPES)).toEqual([]);
  });

  it("knows types and an empty document", () => {
    expect(localProblems(doc([]), TYPES).map((one) => one.code)).toEqual(["no_nodes"]);
    expect(localProblems(doc([node("a", {}, "table.sqll")]), TYPES).map((one) => one.code)).toEqual([
      "unknown_node_type",
    ]);
  });
});

describe("the server's word and the browser's", () => {
  const before = doc([node("a", { sql: "" }), node("b", { sql: "from x" })]);
  const fix = { label: "Use a", changes: [{ op: "replace", path: "/nodes/1/config/sql", value: "from a" }] };
  const empty = found("nodes[0].config.sql", "a", "wrong_value", "Enter a query.");
  const table = found("nodes[1].config.sql", "b", "unknown_table", "There is no input x.", fix);
  const answer: Answer = { doc: before, problems: [empty, table] };

  it("says nothing twice", () => {
    expect(mergeProblems(answer, before, TYPES)).toEqual([empty, table]);
  });

  it("takes back at once what the browser sees to be over, and keeps what only the server knows", () => {
    const after = reduce(before, { kind: "set", node: "a", path: ["config", "sql"], value: "select 1" });
    expect(mergeProblems(answer, after, TYPES)).toEqual([table]);
  });

  it("follows a node to its new place, without a repair that would meet another one", () => {
    const after = reduce(before, { kind: "remove", nodes: ["a"], edges: [] });
    expect(mergeProblems(answer, after, TYPES)).toEqual([{ ...table, path: "nodes[0].config.sql", fix: null }]);
    expect(mergeProblems(answer, reduce(before, { kind: "remove", nodes: ["b"], edges: [] }), TYPES)).toEqual([empty]);
  });

  it("offers no repair of a text that has changed since", () => {
    const after = reduce(before, { kind: "set", node: "b", path: ["config", "sql"], value: "from y" });
    expect(mergeProblems(answer, after, TYPES)[1]?.fix).toBeNull();
    expect(sameProblems(mergeProblems(answer, after, TYPES), answer.problems)).toBe(false);
  });
});

describe("moves", () => {
  it("are told from other edits", () => {
    const before = doc([node("a", { sql: "select 1" })]);
    const moved = reduce(before, { kind: "move", to: new Map([["a", { x: 1, y: 2 }]]) });
    expect(onlyMoved(before, moved)).toBe(true);
    expect(onlyMoved(before, reduce(moved, { kind: "set", node: "a", path: ["name"], value: "A" }))).toBe(false);
    expect(onlyMoved(before, { ...moved, edges: [{ source: "a", target: "a" }] })).toBe(false);
  });
});
