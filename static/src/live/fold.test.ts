import { describe, expect, it } from "vitest";
import { fold, NOTHING, type RunView } from "./fold";
import { readRunMessage, type JsonObject, type RunMessage } from "./protocol";

const run = (state: string): JsonObject => ({ id: "7", workflow: "w", version: 1, state, counts: { pending: 2 }, created_at: "", started_at: null, finished_at: null, priority: 5 });
const node = (id: string, state: string): JsonObject => ({ node: id, type: "noop", name: id, state, reason: "", attempt: 0, waiting_for: [], progress: null, error: null, output: null });
const read = (message: JsonObject): RunMessage => {
  const it = readRunMessage(message);
  if (!it) throw new Error("not a message");
  return it;
};
const snapshot = (seq: number): RunMessage => read({ type: "snapshot", seq, run: run("running"), nodes: { a: node("a", "pending"), b: node("b", "pending") } });
const events = (first: number, ...list: JsonObject[]): RunMessage =>
  read({ type: "events", first, seq: first + list.length - 1, events: list.map((event, i) => ({ seq: first + i, at: "2026-11-24T00:00:00Z", ...event })) });
const started = (): RunView => fold(NOTHING, snapshot(4)).view;

describe("folding a run", () => {
  it("takes a snapshot whole", () => {
    const folded = fold(NOTHING, snapshot(4));
    expect([...folded.view.nodes.keys()]).toEqual(["a", "b"]);
    expect(folded.nodesChanged).toEqual(new Set(["a", "b"]));
    expect(folded.view.seq).toBe(4);
  });
  it("names only the nodes that a second snapshot changes", () => {
    expect(fold(started(), snapshot(9)).nodesChanged.size).toBe(0);
  });
  it("changes only the node of an event and keeps the others as they are", () => {
    const view = started();
    const folded = fold(view, events(5, { type: "node", node: node("b", "running") }));
    expect(folded.nodesChanged).toEqual(new Set(["b"]));
    expect(folded.view.nodes.get("a")).toBe(view.nodes.get("a"));
    expect(folded.view.nodes.get("b")?.state).toBe("running");
    expect([...folded.view.nodes.keys()]).toEqual(["a", "b"]);
  });
  it("reports a gap and takes nothing after it", () => {
    const view = started();
    const folded = fold(view, events(7, { type: "node", node: node("b", "running") }));
    expect(folded.gap).toBe(true);
    expect(folded.view).toBe(view);
  });
  it("takes what comes twice once", () => {
    const first = fold(started(), events(5, { type: "log", line: { seq: 5, at: "", node: "a", attempt: 1, level: "info", message: "one" } }));
    const again = fold(first.view, events(5, { type: "log", line: { seq: 5, at: "", node: "a", attempt: 1, level: "info", message: "one" } }, { type: "run", run: run("succeeded") }));
    expect(first.lines).toHaveLength(1);
    expect(again.lines).toHaveLength(0);
    expect(again.view.run?.state).toBe("succeeded");
    expect(again.view.seq).toBe(6);
  });
  it("accepts the empty answer that only says nothing was missed", () => {
    const folded = fold(started(), read({ type: "events", first: 5, seq: 4, events: [] }));
    expect(folded.gap).toBe(false);
    expect(folded.view.seq).toBe(4);
  });
  it("puts progress on its node and ignores kinds it does not know", () => {
    const folded = fold(started(), events(5, { type: "progress", node: "a", fraction: 0.5, message: "half" }, { type: "later" }));
    expect(folded.view.nodes.get("a")?.progress).toEqual({ fraction: 0.5, message: "half" });
    expect(folded.view.seq).toBe(6);
  });
  it("asks for a snapshot when events come before one", () => {
    expect(fold(NOTHING, events(1, { type: "run", run: run("running") })).gap).toBe(true);
  });
});
