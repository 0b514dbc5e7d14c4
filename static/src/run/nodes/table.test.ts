import { describe, expect, it } from "vitest";
import type { NodeRun } from "../../live/protocol";
import { nodeRun } from "../../live/testing/runs";
import { sortNodes, type Order, countStates, type NodeFilter } from "./table";

const node = (id: string, more: Partial<NodeRun> = {}): NodeRun => nodeRun(id, "pending", { attempt: 0, ...more });
const NOW = Date.parse("2026-11-24T10:01:00Z");
const ALL: NodeFilter = { states: new Set(), text: "" };
const nodes = [
  node("load", {
    name: "Load 10",
    type: "table.read",
    state: "succeeded",
    attempt: 1,
    started_at: "2026-11-24T10:00:00Z",
    finished_at: "2026-11-24T10:00:01.5Z",
  }),
  node("join", {
    name: "Join weather",
    type: "python",
    state: "running",
    attempt: 2,
    started_at: "2026-11-24T10:00:02Z",
  }),
  node("late", { name: "load 9", state: "retrying", attempt: 1, started_at: "2026-11-24T10:00:03Z" }),
  node("bad", {
    name: "Bad",
    type: "shell",
    state: "failed",
    attempt: 1,
    started_at: "2026-11-24T10:00:01Z",
    finished_at: "2026-11-24T10:00:09Z",
  }),
  node("tell", { name: "Tell" }),
];
const none: ReadonlySet<string> = new Set();
const by = (column: Order["column"], descending = false, stuck = none): string[] =>
  sortNodes(nodes, ALL, { column, descending }, stuck, NOW);

describe("the table of nodes", () => {
  it("keeps the order of the document until another is asked for", () => {
    expect(by(null)).toEqual(["load", "join", "late", "bad", "tell"]);
  });
  it("sorts names as people count, whatever their case", () => {
    expect(by("name")).toEqual(["bad", "join", "late", "load", "tell"]);
    expect(by("name", true)).toEqual(["tell", "load", "late", "join", "bad"]);
  });
  it("sorts states by what asks for a person, a stuck node before one that runs well", () => {
    expect(by("state")).toEqual(["bad", "join", "late", "tell", "load"]);
    const two = [node("well", { state: "running" }), node("stuck", { state: "running" })];
    expect(sortNodes(two, ALL, { column: "state", descending: false }, new Set(["stuck"]), NOW)).toEqual([
      "stuck",
      "well",
    ]);
  });
  it("sorts by duration, counting on for what runs; what has none is last in both directions", () => {
    expect(by("duration")).toEqual(["load", "bad", "join", "late", "tell"]);
    expect(by("duration", true)).toEqual(["join", "bad", "load", "late", "tell"]);
  });
  it("sorts by attempt and by start", () => {
    expect(by("attempt", true)).toEqual(["join", "load", "late", "bad", "tell"]);
    expect(by("start")).toEqual(["load", "bad", "join", "late", "tell"]);
  });
  it("shows the states that are asked for, and what is stuck", () => {
    const want = (...states: string[]): string[] =>
      sortNodes(
        nodes,
        { states: new Set(states), text: "" },
        { column: null, descending: false },
        new Set(["join"]),
        NOW,
      );
    expect(want("failed", "retrying")).toEqual(["late", "bad"]);
    expect(want("stuck")).toEqual(["join"]);
    expect(want("skipped")).toEqual([]);
  });
  it("finds text in name, id and type", () => {
    const find = (text: string): string[] =>
      sortNodes(nodes, { states: new Set(), text }, { column: null, descending: false }, none, NOW);
    expect(find("load")).toEqual(["load", "late"]);
    expect(find("late")).toEqual(["late"]);
    expect(find("table.")).toEqual(["load"]);
  });
  it("counts the nodes of each state, the urgent ones first", () => {
    expect([...countStates(nodes, 1)]).toEqual([["failed", 1], ["stuck", 1], ["running", 1], ["retrying", 1], ["pending", 1], ["succeeded", 1]]); // prettier-ignore
  });
  it("arranges 10,000 nodes in a blink", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => node(`n${i}`, { name: `Node ${(i * 7919) % 10_000}` }));
    expect(sortNodes(many, ALL, { column: "name", descending: false }, none, NOW)[9_999]).toBe(
      many.find((one) => one.name === "Node 9999")?.node,
    );
  });
});
