import { describe, expect, it } from "vitest";
import type { NodeRun } from "../../live/protocol";
import { nodeRun } from "../../live/testing/runs";
import { TimelineRows } from "./attempts";
import { describeBar } from "./describe-bar";

const at = (seconds: number): string => new Date(1_700_000_000_000 + seconds * 1000).toISOString();
const ms = (seconds: number): number => 1_700_000_000_000 + seconds * 1000;
const node = (id: string, state: string, given: Partial<NodeRun> = {}): NodeRun =>
  nodeRun(id, state, { type: "python", ...given });

describe("the bars of a timeline", () => {
  it("are read, a row for each node, in the order of their begins", () => {
    const bars = new TimelineRows();
    bars.read({
      from: at(0),
      to: null,
      bars: [
        {
          node: "a",
          attempt: 1,
          state: "running",
          waiting_from: at(5),
          started_at: at(6),
          finished_at: null,
          retry_at: null,
        },
        {
          node: "b",
          attempt: 1,
          state: "failed",
          waiting_from: at(1),
          started_at: at(2),
          finished_at: at(3),
          retry_at: null,
        },
        {
          node: "b",
          attempt: 2,
          state: "retrying",
          waiting_from: at(3),
          started_at: null,
          finished_at: null,
          retry_at: at(9),
        },
      ],
    });
    expect(bars.rows.map((row) => [row.node, row.bars.length])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
    expect([bars.indexOf("a"), bars.indexOf("b"), bars.indexOf("c")]).toEqual([1, 0, -1]);
    expect(bars.rows[0]?.bars[1]?.retryAt).toBe(ms(9));
  });
  it("stand in the document's order where they begin at once", () => {
    const order = ["n2", "n10", "n1"];
    const bars = new TimelineRows((node) => order.indexOf(node));
    bars.read({
      from: at(0),
      to: null,
      bars: ["n1", "n10", "n2"].map((id) => ({
        node: id,
        attempt: 1,
        state: "succeeded",
        waiting_from: at(1),
        started_at: at(2),
        finished_at: at(3),
        retry_at: null,
      })),
    });
    expect(bars.rows.map((row) => row.node)).toEqual(order);
  });
  it("follow a node from waiting over a failure to its end", () => {
    const bars = new TimelineRows();
    bars.update(node("a", "ready", { attempt: 0, waiting_for: [{ code: "pool", message: "", since: at(1) }] }), ms(1));
    bars.update(node("a", "running", { started_at: at(3) }), ms(3));
    bars.update(node("a", "retrying", { started_at: at(3), finished_at: at(5) }), ms(5));
    bars.update(node("a", "ready", { started_at: at(3) }), ms(8));
    bars.update(node("a", "running", { attempt: 2, started_at: at(9) }), ms(9));
    bars.update(node("a", "succeeded", { attempt: 2, started_at: at(9), finished_at: at(11) }), ms(11));
    expect(bars.of("a")?.bars).toEqual([
      { attempt: 1, state: "failed", waitingFrom: ms(1), startedAt: ms(3), finishedAt: ms(5), retryAt: null },
      { attempt: 2, state: "succeeded", waitingFrom: ms(5), startedAt: ms(9), finishedAt: ms(11), retryAt: null },
    ]);
  });
  it("tell a lost attempt, and a limit that was passed", () => {
    const bars = new TimelineRows();
    bars.update(node("a", "running", { started_at: at(1) }), ms(1));
    bars.update(node("a", "ready", { started_at: at(1) }), ms(2));
    expect(bars.of("a")?.bars.map((bar) => bar.state)).toEqual(["lost", "ready"]);
    bars.update(node("a", "running", { attempt: 2, started_at: at(3) }), ms(3));
    bars.update(
      node("a", "retrying", {
        attempt: 2,
        started_at: at(3),
        finished_at: at(4),
        error: { class: "SoftTimeout", message: "", line: null },
      }),
      ms(4),
    );
    expect(bars.of("a")?.bars.map((bar) => bar.state)).toEqual(["lost", "timed_out", "retrying"]);
  });
  it("are not there for what was never tried, and go with what was to come", () => {
    const bars = new TimelineRows();
    expect(bars.update(node("a", "skipped", { attempt: 0 }), ms(1))).toBe(false);
    bars.update(node("b", "ready", { attempt: 0 }), ms(1));
    bars.update(node("b", "cancelled", { attempt: 0 }), ms(2));
    bars.update(node("c", "ready", { attempt: 0 }), ms(3));
    expect(bars.rows.map((row) => row.node)).toEqual(["c"]);
  });
  it("are said in words", () => {
    const bar = { attempt: 2, state: "failed", waitingFrom: ms(1), startedAt: ms(3), finishedAt: ms(5), retryAt: null };
    expect(describeBar(bar, ms(9), false)).toMatch(/^Waited 2 s, ran 2 s, from \d\d:13:23 to \d\d:13:25, failed\.$/);
    expect(describeBar({ ...bar, finishedAt: null }, ms(9), true)).toMatch(
      /^Attempt 2: waited 2 s, has run for 6 s, since/,
    );
    expect(describeBar({ ...bar, state: "retrying", startedAt: null, retryAt: ms(20) }, ms(9), false)).toMatch(
      /^Waits 8 s for its next attempt, is due at/,
    );
  });
});
