import type { JsonObject } from "../json";
import { describe, expect, it } from "vitest";
import { fold, emptyView, type RunView } from "./fold";
import { readRunMessage, type RunMessage } from "./protocol";

const run = (state: string): JsonObject => ({
  id: "7",
  workflow: "w",
  version: 1,
  state,
  counts: { pending: 2 },
  created_at: "",
  started_at: null,
  finished_at: null,
  priority: 5,
});
const node = (id: string, state: string, attempt = 0): JsonObject => ({
  node: id,
  type: "noop",
  name: id,
  state,
  reason: "",
  attempt,
  waiting_for: [],
  progress: null,
  error: null,
  output: null,
});
const readMessage = (message: JsonObject): RunMessage => {
  const it = readRunMessage(message);
  if (!it) throw new Error("not a message");
  return it;
};
const snapshot = (seq: number, b = "pending"): RunMessage =>
  readMessage({ type: "snapshot", seq, run: run("running"), nodes: { a: node("a", "pending"), b: node("b", b) } });
const events = (first: number, ...list: JsonObject[]): RunMessage =>
  readMessage({
    type: "events",
    first,
    seq: first + list.length - 1,
    events: list.map((event, i) => ({ seq: first + i, at: "2026-11-24T00:00:00Z", ...event })),
  });
const started = (): RunView => {
  const view = emptyView();
  fold(view, snapshot(4));
  return view;
};
const line = (seq: number): JsonObject => ({
  type: "log",
  line: { seq, at: "", node: "a", attempt: 1, level: "info", message: "one" },
});

describe("folding a run", () => {
  it("takes a snapshot whole", () => {
    const view = emptyView();
    expect(fold(view, snapshot(4)).nodesChanged).toEqual(new Set(["a", "b"]));
    expect([...view.nodes.keys()]).toEqual(["a", "b"]);
    expect(view.seq).toBe(4);
  });
  it("names only the nodes that a second snapshot changes, and keeps the others as they are", () => {
    const view = started();
    const [a, b] = [view.nodes.get("a"), view.nodes.get("b")];
    expect(fold(view, snapshot(9, "running")).nodesChanged).toEqual(new Set(["b"]));
    expect(view.nodes.get("a")).toBe(a);
    expect(view.nodes.get("b")).not.toBe(b);
  });
  it("takes nothing of a snapshot that is older than what is known, unless it is told to", () => {
    const view = started();
    fold(view, events(5, { type: "node", node: node("b", "running") }));
    const old = fold(view, snapshot(4));
    expect(old.outdated).toBe(true);
    expect(view.nodes.get("b")?.state).toBe("running");
    expect(view.seq).toBe(5);
    // What follows the old snapshot is known up to here, and goes on from here.
    fold(view, events(5, { type: "node", node: node("b", "ready") }, { type: "node", node: node("b", "succeeded") }));
    expect(view.nodes.get("b")?.state).toBe("succeeded");
    expect(fold(view, snapshot(4), true).snapshot).toBe(true);
    expect(view.nodes.get("b")?.state).toBe("pending");
    expect(view.seq).toBe(4);
  });
  it("counts the run's nodes along, of which the run has no event of its own", () => {
    const view = started();
    const before = view.run;
    const folded = fold(
      view,
      events(
        5,
        { type: "node", node: node("a", "ready") },
        { type: "node", node: node("b", "ready") },
        { type: "node", node: node("a", "running", 1) },
      ),
    );
    expect(folded.runChanged).toBe(true);
    expect(view.run?.counts).toEqual({ ready: 1, running: 1 });
    expect(before?.counts).toEqual({ pending: 2 });
    // What the run says of itself is right, whatever was counted.
    fold(view, events(8, { type: "run", run: { ...run("running"), counts: { running: 2 } } }));
    expect(view.run?.counts).toEqual({ running: 2 });
  });
  it("forgets nodes that a snapshot does not have", () => {
    const view = started();
    expect(
      fold(view, readMessage({ type: "snapshot", seq: 5, run: run("running"), nodes: { a: node("a", "pending") } }))
        .nodesChanged,
    ).toEqual(new Set(["b"]));
    expect([...view.nodes.keys()]).toEqual(["a"]);
  });
  it("changes only the node of an event and keeps the others as they are", () => {
    const view = started();
    const a = view.nodes.get("a");
    const folded = fold(view, events(5, { type: "node", node: node("b", "running") }));
    expect(folded.nodesChanged).toEqual(new Set(["b"]));
    expect(view.nodes.get("a")).toBe(a);
    expect(view.nodes.get("b")?.state).toBe("running");
    expect([...view.nodes.keys()]).toEqual(["a", "b"]);
  });
  it("reports a gap and takes nothing after it", () => {
    const view = started();
    expect(fold(view, events(7, { type: "node", node: node("b", "running") })).gap).toBe(true);
    expect(view.seq).toBe(4);
    expect(view.nodes.get("b")?.state).toBe("pending");
  });
  it("takes what comes twice once", () => {
    const view = started();
    const first = fold(view, events(5, line(5)));
    const again = fold(view, events(5, line(5), { type: "run", run: run("succeeded") }));
    expect(first.lines).toHaveLength(1);
    expect(again.lines).toHaveLength(0);
    expect(view.run?.state).toBe("succeeded");
    expect(view.seq).toBe(6);
  });
  it("accepts the empty answer that only says nothing was missed", () => {
    const view = started();
    expect(fold(view, readMessage({ type: "events", first: 5, seq: 4, events: [] })).gap).toBe(false);
    expect(view.seq).toBe(4);
  });
  it("puts progress on its node and ignores kinds it does not know", () => {
    const view = started();
    fold(view, events(5, { type: "progress", node: "a", fraction: 0.5, message: "half" }, { type: "later" }));
    expect(view.nodes.get("a")?.progress).toEqual({ fraction: 0.5, message: "half" });
    expect(view.seq).toBe(6);
  });
  it("asks for a snapshot when events come before one", () => {
    expect(fold(emptyView(), events(1, { type: "run", run: run("running") })).gap).toBe(true);
  });
  it("tells each step of a node, also several in one message, and none where only details changed", () => {
    const view = started();
    const folded = fold(
      view,
      events(
        5,
        { type: "node", node: node("b", "ready") },
        { type: "node", node: node("b", "running", 1) },
        { type: "node", node: node("b", "running", 1) },
        { type: "run", run: run("failed") },
      ),
    );
    expect(folded.steps.map((step) => [step.seq, step.node, step.from, step.to, step.attempt])).toEqual([
      [5, "b", "pending", "ready", 0],
      [6, "b", "ready", "running", 1],
      [8, "", "running", "failed", 0],
    ]);
  });
  it("folds thirty messages over 10,000 nodes without a copy of them", () => {
    const view = emptyView();
    const ids = Array.from({ length: 10_000 }, (_, i) => `n${i}`);
    fold(
      view,
      readMessage({
        type: "snapshot",
        seq: 0,
        run: run("running"),
        nodes: Object.fromEntries(ids.map((id) => [id, node(id, "pending")])),
      }),
    );
    const map = view.nodes;
    for (let n = 1; n <= 30; n += 1) fold(view, events(n, { type: "node", node: node(`n${n}`, "running", 1) }));
    expect(view.nodes).toBe(map);
    expect(view.nodes.size).toBe(10_000);
  });
});
