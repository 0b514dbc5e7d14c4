import { describe, expect, it } from "vitest";
import type { Doc } from "../../document/document";
import { edgeKey } from "../../document/document";
import { readRunMessage } from "../../live/protocol";
import { RunStore } from "../../run/store";
import { fileKey, firstFailed, outputKey, readPayload, standingOf, subjectOf, typeName } from "./preview";
import { EditorStore } from "../../document/store";
import { BUILT_IN } from "../../document/testing/node-type";

const doc = (): Doc => ({
  schema: "interlock/1",
  nodes: [
    { id: "a", type: "table.read", config: { path: "x.csv" } },
    { id: "b", type: "noop" },
  ],
  edges: [{ source: "a", target: "b" }],
});

function run(state: string, nodes: Record<string, string>): RunStore {
  const store = new RunStore("7", "");
  const at = "2026-11-25T01:00:00.000000Z";
  const shape = (node: string, is: string, n: number) => ({
    node,
    type: "noop",
    name: node,
    state: is,
    attempt: 1,
    reason: null,
    started_at: at,
    finished_at: is === "failed" ? `2026-11-25T01:00:0${9 - n}.000000Z` : null,
    expected: null,
    expected_from: "none",
    progress: null,
    error: null,
    waiting_for: [],
    output: null,
  });
  const message = readRunMessage({
    type: "snapshot",
    seq: 3,
    run: { id: "7", state, counts: {}, version: null, workflow: "w" },
    nodes: Object.fromEntries(Object.entries(nodes).map(([id, is], n) => [id, shape(id, is, n)])),
  });
  if (message) store.take(message, 0);
  return store;
}

describe("what the drawer shows", () => {
  it("is the one chosen node's output, or that of the source of the one chosen edge", () => {
    const store = new EditorStore(doc());
    expect(subjectOf(store)).toBeNull();
    store.select(["b"]);
    expect(subjectOf(store)?.id).toBe("b");
    store.select([], [edgeKey({ source: "a", target: "b" })]);
    expect(subjectOf(store)?.id).toBe("a");
    store.select(["a", "b"]);
    expect(subjectOf(store)).toBeNull();
    store.select(["b"], [edgeKey({ source: "a", target: "b" })]);
    expect(subjectOf(store)).toBeNull();
  });
  it("tells a node under way from one that failed, and says nothing of what was not asked for", () => {
    expect(standingOf(null, "a").kind).toBe("rest");
    expect(standingOf(run("running", { a: "running", b: "pending" }), "b").kind).toBe("under way");
    expect(standingOf(run("running", { a: "succeeded" }), "a").kind).toBe("rest");
    expect(standingOf(run("failed", { a: "failed", b: "upstream_failed" }), "b").kind).toBe("failed");
    expect(standingOf(run("succeeded", { a: "succeeded", b: "skipped" }), "b").kind).toBe("rest");
    expect(standingOf(run("running", {}), "a").kind).toBe("rest");
  });
  it("locates a failure at the node that failed first, whatever the order", () => {
    expect(firstFailed(run("failed", { a: "failed", b: "failed", c: "upstream_failed" }).nodes.values())?.node).toBe(
      "b",
    );
    expect(firstFailed(run("failed", { a: "succeeded" }).nodes.values())).toBeNull();
  });
  it("asks for the beginning of a file only where the path says which", () => {
    const [a, b] = doc().nodes;
    expect(a && fileKey(a, BUILT_IN)).toBe('file ["table.read",{"path":"x.csv"}]');
    expect(b && fileKey(b, BUILT_IN)).toBe("");
    expect(fileKey({ id: "c", type: "table.read", config: { path: "{{ inputs.x }}.csv" } }, BUILT_IN)).toBe("");
    expect(fileKey({ id: "c", type: "table.read" }, BUILT_IN)).toBe("");
  });
  it("takes another run's output, and a retried one, for another", () => {
    const output = { run: "7", version: null, at: "1", kind: "json", rows: null, columns: null, fingerprint: null };
    expect(outputKey("a", output)).not.toBe(outputKey("a", { ...output, run: "8" }));
    expect(outputKey("a", output)).not.toBe(outputKey("a", { ...output, at: "2" }));
    expect(outputKey("a", output)).not.toBe(outputKey("b", output));
  });
  it("reads what the server sends without trusting its shape", () => {
    expect(readPayload({})).toEqual({ kind: "none" });
    expect(
      readPayload({
        kind: "table",
        columns: [{ name: "n", type: "BIGINT", nulls: 1, number: true }, 5],
        rows: [["1", null], 3],
        row_count: 2,
        counted: 2,
        shown: 1,
      }),
    ).toEqual({
      kind: "table",
      columns: [{ name: "n", type: "BIGINT", nulls: 1, distinct: null, number: true }],
      rows: [["1", null], []],
      total: 2,
      counted: 2,
      shown: 1,
    });
    expect(readPayload({ kind: "json", value: "{}" })).toEqual({ kind: "json", text: "{}", cut: false, bytes: 0 });
  });
  it("calls types what people call them", () => {
    expect([typeName("VARCHAR"), typeName("BIGINT"), typeName("TIMESTAMP WITH TIME ZONE")]).toEqual([
      "text",
      "bigint",
      "timestamptz",
    ]);
  });
  it("knows which nodes were edited since the run that was started here", () => {
    const store = new EditorStore(doc());
    store.setSchemas(
      new Map(),
      new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
    );
    store.setRun(run("running", { a: "running" }), true);
    expect(store.isEditedSinceRun("a")).toBe(false);
    store.setSchemas(
      new Map(),
      new Map([
        ["a", "1"],
        ["b", "3"],
      ]),
    );
    expect([store.isEditedSinceRun("a"), store.isEditedSinceRun("b"), store.isEditedSinceRun("c")]).toEqual([
      false,
      true,
      false,
    ]);
    store.setRun(run("running", { a: "running" }));
    expect(store.isEditedSinceRun("b")).toBe(false);
  });
});
