import { beforeEach, describe, expect, it, vi } from "vitest";
import type { NodeRun, RunMessage, Sample } from "../live/protocol";
import { nodeRun as node, run } from "../live/testing/runs";
import { type Change, RunStore } from "./store";

const snapshot = (seq: number, ...nodes: NodeRun[]): RunMessage => ({
  type: "snapshot",
  seq,
  run: run("running"),
  nodes: new Map(nodes.map((one) => [one.node, one])),
});
const events = (first: number, ...nodes: NodeRun[]): RunMessage => ({
  type: "events", first, seq: first + nodes.length - 1, events: nodes.map((one, i) => ({ type: "node", seq: first + i, at: "2026-11-24T00:00:00Z", node: one })),
}); // prettier-ignore
const START = Date.parse("2026-11-24T10:00:00Z");
const at = (seconds: number): number => START + 1000 * seconds;

let store: RunStore;
let heard: Change[];
const listenTo = (it: RunStore): void => {
  store = it;
  heard = [];
  store.listen((change) => heard.push(change));
};

beforeEach(() => listenTo(new RunStore("7", "")));

describe("the store of a run", () => {
  it("tells of a snapshot once, then only of what changed", () => {
    store.take(snapshot(4, node("a", "pending"), node("b", "pending")), at(0));
    store.take(events(5, node("b", "ready")), at(0));
    expect(heard.map((change) => [change.snapshot, [...change.nodes]])).toEqual([[true, ["a", "b"]], [false, ["b"]]]); // prettier-ignore
    expect(heard[1]?.steps.map((step) => [step.from, step.to])).toEqual([["pending", "ready"]]);
  });
  it("says nothing when nothing came", () => {
    store.take(snapshot(4, node("a", "pending")), at(0));
    store.take({ type: "events", first: 5, seq: 4, events: [] }, at(1));
    expect(heard).toHaveLength(1);
  });
  it("finds a node stuck as time goes on, and no more once it has ended", () => {
    store.take(
      snapshot(4, node("a", "running", { started_at: "2026-11-24T10:00:00Z", expected: 10, expected_from: "learned" })),
      at(1),
    );
    store.tick(at(19));
    expect(store.stuck.size).toBe(0);
    store.tick(at(21));
    expect([...store.stuck]).toEqual(["a"]);
    expect([...(heard.at(-1)?.stuck ?? [])]).toEqual(["a"]);
    store.take(events(5, node("a", "succeeded")), at(22));
    expect(store.stuck.size).toBe(0);
    expect([...(heard.at(-1)?.stuck ?? [])]).toEqual(["a"]);
  });
  it("never goes back for a snapshot that is older than what it knows", () => {
    store.take(snapshot(4, node("a", "running")), at(0));
    store.take(events(5, node("a", "succeeded")), at(0));
    expect(store.take(snapshot(4, node("a", "running")), at(1))).toMatchObject({ outdated: true });
    expect(store.nodes.get("a")?.state).toBe("succeeded");
    expect(heard).toHaveLength(2);
  });
  it("believes an older snapshot that is still older after a while: the database is another one", () => {
    store.take(snapshot(9, node("a", "succeeded")), at(0));
    expect(store.take(snapshot(4, node("a", "running")), at(1)).outdated).toBe(true);
    expect(store.take(snapshot(4, node("a", "running")), at(2)).outdated).toBe(true);
    expect(store.take(snapshot(4, node("a", "running")), at(3)).outdated).toBe(false);
    expect(store.nodes.get("a")?.state).toBe("running");
  });
  it("shows nothing older than what the page came with", () => {
    listenTo(new RunStore("7", "", 6));
    store.take(snapshot(4, node("a", "running")), at(0));
    expect(heard).toEqual([]);
    expect(store.ready).toBe(false);
    store.take(events(5, node("a", "succeeded"), node("b", "running")), at(0.1));
    expect(heard.map((change) => [change.snapshot, [...change.nodes]])).toEqual([[true, ["a", "b"]]]);
  });
  it("shows what it has when nothing newer comes in time", () => {
    listenTo(new RunStore("7", "", 6));
    store.take(snapshot(4, node("a", "running")), at(0));
    store.tick(at(1));
    expect(heard).toEqual([]);
    store.tick(at(2));
    expect(heard).toHaveLength(1);
  });
  it("takes a retried run back to running, for its events say so", () => {
    store.take(snapshot(4, node("a", "failed")), at(0));
    store.take(events(5, node("a", "ready"), node("a", "running", { attempt: 2 })), at(0));
    expect(store.nodes.get("a")).toMatchObject({ state: "running", attempt: 2 });
  });
  it("tells of another choice once", () => {
    store.choose("a");
    store.choose("a");
    expect(heard.filter((change) => change.chosen)).toHaveLength(1);
    expect(store.chosen).toBe("a");
  });
  it("keeps five minutes of samples of what runs, and none of what has ended", () => {
    const sample = (attempt: number): Sample => ({ node: "a", attempt, at: "", cpu: 1, memory: 1 });
    store.take(snapshot(4, node("a", "running")), at(0));
    for (let n = 0; n < 400; n += 1) store.sampled([sample(1)]);
    expect(store.samples("a")).toHaveLength(300);
    store.sampled([sample(2)]);
    expect(store.samples("a")).toHaveLength(1);
    store.take(events(5, node("a", "succeeded")), at(1));
    store.sampled([sample(2)]);
    expect(store.samples("a")).toHaveLength(0);
  });
  it("goes on telling the others when a part fails, and reports it", () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    const it = new RunStore("7", "");
    const after = vi.fn();
    it.listen(() => {
      throw new Error("broken");
    });
    it.listen(after);
    it.choose("a");
    expect(after).toHaveBeenCalledOnce();
    expect(reported).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
  it("no longer tells who has stopped listening", () => {
    const listener = vi.fn();
    store.listen(listener)();
    store.choose("a");
    expect(listener).not.toHaveBeenCalled();
  });
});
