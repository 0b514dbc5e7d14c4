import type { Json } from "../json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { applyPatch, patchBetween, readOperations } from "./patch";

describe("repairs", () => {
  const document = { nodes: [{ id: "a", config: { sql: "x" } }, { id: "b" }] };

  it("replace, add and remove, and leave the document given alone", () => {
    const changed = applyPatch(document, [
      { op: "replace", path: "/nodes/0/config/sql", value: "y" },
      { op: "add", path: "/nodes/-", value: { id: "c" } },
      { op: "remove", path: "/nodes/1" },
      { op: "add", path: "/a~1b", value: 1 },
    ]);
    expect(changed).toEqual({ nodes: [{ id: "a", config: { sql: "y" } }, { id: "c" }], "a/b": 1 });
    expect(document.nodes).toHaveLength(2);
  });
  it("that do not fit are refused", () => {
    expect(applyPatch(document, [{ op: "replace", path: "/nodes/5", value: 1 }])).toBeNull();
    expect(applyPatch(document, [{ op: "replace", path: "/no/where", value: 1 }])).toBeNull();
    expect(applyPatch(document, [{ op: "remove", path: "/nothing" }])).toBeNull();
  });
  it("never reach beyond the document", () => {
    const changed = applyPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
    expect(Object.getPrototypeOf({})).not.toHaveProperty("polluted");
    expect(Object.hasOwn(changed as object, "__proto__")).toBe(true);
  });
  it("are read only when every change is one that is known", () => {
    expect(readOperations([{ op: "move", path: "/a", from: "/b" }])).toBeNull();
    expect(readOperations([{ op: "add", path: "/a", value: null }])).toEqual([{ op: "add", path: "/a", value: null }]);
    expect(readOperations(undefined)).toBeNull();
  });
});

describe("what leads from one document to another", () => {
  const json = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Json>(null, true, 0, 1, "", "a"),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("id", "a", "b/c", "~d", "__proto__", ""), tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  const item = fc.record({ id: fc.constantFrom(..."abcdefghijkl"), v: fc.nat(3) });
  const list = fc.uniqueArray(item, { selector: ({ id }) => id, maxLength: 12 });

  it("leads there, whatever they hold", () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(applyPatch({ all: before }, patchBetween({ all: before }, { all: after }))).toEqual({ all: after });
      }),
      { numRuns: 3000 },
    );
  });
  it("leads there where elements are known by their id and share what was not touched", () => {
    fc.assert(
      fc.property(list, list, fc.array(json, { maxLength: 5 }), (before, after, edges) => {
        const shared = new Map(before.map((one) => [JSON.stringify(one), one]));
        const nodes = after.map((one) => shared.get(JSON.stringify(one)) ?? one);
        const one = { nodes: before, edges };
        const other = { nodes, edges: edges.slice().reverse() };
        expect(applyPatch(one, patchBetween(one, other))).toEqual(other);
      }),
      { numRuns: 3000 },
    );
  });
  it("is small: one operation for what moved, went or came among 10,000", () => {
    const nodes = Array.from({ length: 10_000 }, (_, at) => ({ id: `n${at}`, position: { x: at, y: 0 } }));
    const edges = Array.from({ length: 50_000 }, (_, at) => ({
      source: `n${at % 10_000}`,
      target: `n${(at * 7) % 10_000}`,
    }));
    const before = { nodes, edges };
    const moved = nodes.map((node, at) => (at === 5000 ? { ...node, position: { x: 1, y: 0 } } : node));
    expect(patchBetween(before, { nodes: moved, edges })).toEqual([
      { op: "replace", path: "/nodes/5000/position/x", value: 1 },
    ]);
    expect(patchBetween(before, { nodes: nodes.filter((_, at) => at !== 7), edges })).toEqual([
      { op: "remove", path: "/nodes/7" },
    ]);
    expect(
      patchBetween(before, { nodes, edges: [...edges.slice(0, 9), { source: "n1", target: "n3" }, ...edges.slice(9)] }),
    ).toHaveLength(1);
    const led = edges.map((edge, at) => (at % 1000 === 3 ? { ...edge, target_port: "x" } : edge));
    expect(patchBetween(before, { nodes, edges: led })).toHaveLength(50);
    const first = nodes[0] as Json;
    expect(patchBetween(before, { nodes: [...nodes.slice(1), first], edges })).toHaveLength(2);
  });
});
