import { describe, expect, it } from "vitest";
import { makeGraph } from "../graph/model";
import type { NodeRun } from "../live/protocol";
import { nodeRun as node, run } from "../live/testing/runs";
import { secondsToEnd } from "./expected-end";

const NOW = Date.parse("2026-11-24T10:00:10Z");
// a -> b -> d, a -> c -> d
const graph = makeGraph(["a", "b", "c", "d"].map((id) => ({ id })), [[0, 1], [0, 2], [1, 3], [2, 3]]); // prettier-ignore
const ends = (nodes: NodeRun[], usual: Record<string, number> = {}, stuck: string[] = [], of = run()): number | null =>
  secondsToEnd(of, graph, new Map(nodes.map((one) => [one.node, one])), new Set(stuck), usual, NOW);
const begun = (id: string, expected: number): NodeRun =>
  node(id, "running", { started_at: "2026-11-24T10:00:00Z", expected });

describe("when a run ends about", () => {
  it("is the longest way through what is left, with what has run already taken off", () => {
    expect(
      ends([begun("a", 30), node("b", "pending"), node("c", "pending"), node("d", "pending")], { b: 5, c: 50, d: 7 }),
    ).toBe(20 + 50 + 7);
    expect(ends([node("a", "succeeded"), begun("b", 12), node("c", "skipped"), node("d", "pending")], { d: 7 })).toBe(
      2 + 7,
    );
  });
  it("is no less than the work that is left, where more is ready than runs", () => {
    expect(
      ends([node("a", "succeeded"), begun("b", 20), node("c", "ready", { expected: 30 }), node("d", "pending")], {
        d: 5,
      }),
    ).toBe(10 + 30 + 5);
  });
  it("is now for what runs a little longer than usual", () => {
    expect(ends([node("a", "succeeded"), node("b", "succeeded"), node("c", "succeeded"), begun("d", 6)])).toBe(0);
  });
  it("is not determined where somebody does not know how long a node takes", () => {
    expect(
      ends([begun("a", 30), node("b", "pending"), node("c", "pending"), node("d", "pending")], { b: 5, c: 50 }),
    ).toBeNull();
  });
  it("is not determined while something is stuck, waits, has failed, or the run does not run", () => {
    const well = [begun("a", 30), node("b", "pending"), node("c", "pending"), node("d", "pending")];
    const usual = { b: 1, c: 1, d: 1 };
    expect(ends(well, usual, ["a"])).toBeNull();
    expect(ends(well, usual, [], run("paused"))).toBeNull();
    expect(
      ends([well[0] as NodeRun, node("b", "waiting"), node("c", "pending"), node("d", "pending")], usual),
    ).toBeNull();
    expect(
      ends([node("a", "failed"), node("b", "pending"), node("c", "pending"), node("d", "pending")], usual),
    ).toBeNull();
  });
});
