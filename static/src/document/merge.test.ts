import type { JsonObject } from "../json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changesBetween } from "./diff";
import { type Doc, readDocument } from "./document";
import { merge } from "./merge";

const doc = (nodes: JsonObject[], edges: JsonObject[] = [], more: JsonObject = {}): Doc =>
  readDocument({ ...more, nodes, edges }) as Doc;
const a = { id: "a", type: "noop", config: { sql: "1", path: "x" } };
const b = { id: "b", type: "noop" };
const c = { id: "c", type: "noop" };
const ab = { source: "a", target: "b" };

describe("changes of two authors", () => {
  const base = doc([a, b], [ab], { settings: { priority: 5 } });
  it("to different fields, nodes and edges are put together", () => {
    const mine = doc([{ ...a, config: { sql: "2", path: "x" } }, b, c], [ab, { source: "a", target: "c" }], {
      settings: { priority: 5, timeout: 3 },
    });
    const theirs = doc(
      [
        { ...a, config: { sql: "1", path: "y" }, name: "A" },
        { id: "d", type: "noop" },
      ],
      [{ source: "a", target: "d" }],
      { settings: { priority: 1 } },
    );
    expect(merge(base, mine, theirs)).toEqual({
      doc: {
        nodes: [{ ...a, config: { sql: "2", path: "y" }, name: "A" }, c, { id: "d", type: "noop" }],
        edges: [
          { source: "a", target: "c" },
          { source: "a", target: "d" },
        ],
        settings: { priority: 1, timeout: 3 },
      },
      conflicts: [],
      fields: [],
    });
  });
  it("to one field leave mine, and say so", () => {
    const mine = doc([{ ...a, config: { sql: "2" } }], [], { settings: { priority: 1 } });
    const theirs = doc(
      [
        { ...a, config: { sql: "3" } },
        { ...b, name: "B" },
      ],
      [ab],
      { settings: { priority: 2 } },
    );
    const { doc: made, conflicts, fields } = merge(base, mine, theirs);
    expect(made).toEqual({ nodes: [{ ...a, config: { sql: "2" } }], edges: [], settings: { priority: 1 } });
    expect([conflicts, fields]).toEqual([["a", "b"], ["settings"]]);
  });
  it("that took away what the other changed keep it", () => {
    expect(merge(base, doc([{ ...a, name: "A" }, b], [ab]), doc([b])).conflicts).toEqual(["a"]);
    expect(merge(base, doc([a, b], [ab]), doc([b])).doc.nodes).toEqual([b]);
  });
  it("that let an edge only order are taken over", () => {
    const order = { ...ab, order: true };
    for (const [mine, theirs] of [
      [ab, order],
      [order, ab],
    ] as const)
      expect(merge(base, doc([a, b], [mine]), doc([a, b], [theirs]))).toMatchObject({
        doc: { edges: [order] },
        conflicts: [],
      });
    const none = doc([a, b]);
    expect(merge(none, doc([a, b], [ab]), doc([a, b], [order]))).toMatchObject({
      doc: { edges: [ab] },
      conflicts: ["b"],
    });
  });
  it("that connect what the other took away keep it, and say so", () => {
    const ac = { source: "a", target: "c" };
    const { doc: made, conflicts } = merge(base, doc([a, b, c], [ab, ac]), doc([b]));
    expect([made.nodes, made.edges, conflicts]).toEqual([[a, b, c], [ab, ac], ["a"]]);
    const other = merge(base, doc([b]), doc([a, b, c], [ab, ac]));
    expect([other.doc.nodes, other.doc.edges, other.conflicts]).toEqual([[b, c], [], ["a"]]);
  });

  const node = fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    v: fc.nat(2),
    config: fc.record({ x: fc.nat(2) }),
  });
  const any = fc
    .record({
      nodes: fc.uniqueArray(node, { selector: ({ id }) => id }),
      edges: fc.uniqueArray(fc.record({ source: fc.constantFrom("a", "b"), target: fc.constantFrom("c", "d") }), {
        selector: (edge) => edge.source + edge.target,
      }),
    })
    .map(({ nodes, edges }) => {
      const ids = new Set(nodes.map(({ id }) => id as string));
      return doc(
        nodes,
        edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target)),
      );
    });
  const said = (before: Doc, after: Doc): unknown[] => changesBetween(before, after);
  it("of which one did nothing are those of the other", () => {
    fc.assert(
      fc.property(any, any, (one, other) => {
        expect(said(other, merge(one, one, other).doc)).toEqual([]);
        expect(said(other, merge(one, other, one).doc)).toEqual([]);
        expect(merge(one, other, one).conflicts).toEqual([]);
        expect(said(other, merge(one, other, other).doc)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what changed", () => {
  it("is told by nodes, fields and edges", () => {
    const before = doc([{ ...a, policy: { retries: 1 } }, b, c], [ab], {
      inputs: { type: "object", properties: { month: { type: "integer" }, day: {} } },
      settings: { priority: 1 },
    });
    const after = doc(
      [
        { ...a, config: { path: "x", sql: "2" }, position: { x: 1, y: 1 } },
        { ...b, position: { x: 1, y: 1 } },
        { id: "d", type: "noop" },
      ],
      [
        { source: "b", target: "a" },
        { source: "d", target: "a" },
      ],
      { inputs: { type: "object", properties: { month: { type: "string" }, year: {} } }, settings: {} },
    );
    expect(
      changesBetween(before, after).map((one) => [
        one.kind,
        "node" in one
          ? one.node.id
          : "nodes" in one
            ? one.nodes.map(({ id }) => id)
            : "edge" in one
              ? one.edge.source
              : one.path.join("."),
        "fields" in one ? one.fields.map((path) => path.join(".")) : [],
      ]),
    ).toEqual([
      ["changed", "a", ["config.sql", "policy.retries"]],
      ["added", "d", []],
      ["removed", "c", []],
      ["connected", "b", []],
      ["disconnected", "a", []],
      ["workflow", "inputs.properties.month", []],
      ["workflow", "inputs.properties.day", []],
      ["workflow", "inputs.properties.year", []],
      ["workflow", "settings.priority", []],
      ["moved", ["b"], []],
    ]);
  });
  it("is nothing where only the order of fields differs", () => {
    expect(changesBetween(doc([a]), doc([{ config: { path: "x", sql: "1" }, type: "noop", id: "a" }]))).toEqual([]);
  });
});
