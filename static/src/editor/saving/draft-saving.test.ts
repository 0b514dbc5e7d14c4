import { type Json, isEqual } from "../../json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asJson, type Doc } from "../../document/document";
import { applyPatch, readOperations } from "../../document/patch";

import { differences, summary } from "./conflict";
import { reuseEqualParts } from "../../document/reuse";
import { patchRequest } from "./draft-saving";
import { initialState } from "./machine";
import { standing, statusText } from "./notice";

const ids = fc.constantFrom("a", "b", "c", "d");
const documents: fc.Arbitrary<Doc> = fc.record({
  schema: fc.constant("interlock/1"),
  nodes: fc.uniqueArray(
    fc.record({ id: ids, name: fc.constantFrom("A", "B"), config: fc.record({ sql: fc.constantFrom("x", "y") }) }),
    { selector: ({ id }) => id },
  ),
  edges: fc.array(fc.record({ source: ids, target: ids }), { maxLength: 4 }),
  settings: fc.record({ priority: fc.nat(2) }),
});

describe("what is sent", () => {
  it("makes of what the server holds what is on the screen", () => {
    fc.assert(
      fc.property(documents, documents, fc.boolean(), (saved, doc, whole) => {
        const { method, text } = patchRequest(saved, doc, 3, whole);
        const body = JSON.parse(text) as Json;
        if (method === "PUT")
          expect(body).toEqual({ definition: JSON.parse(JSON.stringify(doc)) as Json, base_version: 3 });
        else expect(applyPatch(asJson(saved), readOperations(body) ?? [])).toEqual(doc);
      }),
    );
  });

  it("is small for a moved node of many", () => {
    const nodes = Array.from({ length: 10_000 }, (_, n) => ({ id: `n${n}`, position: { x: n, y: 0 } }));
    const moved = nodes.slice();
    moved[4321] = { id: "n4321", position: { x: 1, y: 2 } };
    const { method, text } = patchRequest({ nodes, edges: [] }, { nodes: moved, edges: [] }, null, false);
    expect(method).toBe("PATCH");
    expect(text.length).toBeLessThan(200);
  });
});

describe("what two documents have in common", () => {
  it("is the same objects, and nothing is said otherwise than before", () => {
    fc.assert(
      fc.property(documents, documents, (known, doc) => {
        const made = reuseEqualParts(known, doc);
        expect(made).toEqual(doc);
        for (const node of made.nodes)
          if (known.nodes.some((other) => isEqual(other as Json, node as Json))) expect(known.nodes).toContain(node);
        const copy = structuredClone(known);
        const again = reuseEqualParts(known, copy);
        expect([again.nodes === known.nodes, again.edges === known.edges]).toEqual([true, true]);
      }),
    );
  });

  it("is what the server would store, whatever the order of fields", () => {
    expect(isEqual({ a: 1, b: [2, { c: null }] }, { b: [2, { c: null }], a: 1 })).toBe(true);
    expect(isEqual({ a: 1 }, { a: 1, b: null })).toBe(false);
    expect(isEqual([1, 2], [2, 1])).toBe(false);
    expect(isEqual("a\0\ud800b", "a\ufffd\ufffdb")).toBe(true);
    expect(isEqual("\ud83d\ude00", "\ud83d\ude00")).toBe(true);
    expect(isEqual({}, [])).toBe(false);
  });
});

describe("what differs", () => {
  const base: Doc = {
    nodes: [
      { id: "load", name: "Load", config: { path: "a.csv" } },
      { id: "clean", config: { sql: "x" }, position: { x: 0, y: 0 } },
    ],
    edges: [{ source: "load", target: "clean" }],
  };

  it("is said in words, by node and field", () => {
    const theirs: Doc = {
      ...base,
      nodes: [
        { id: "load", name: "Load", config: { path: "b.csv" }, policy: { retries: 2 } },
        { id: "clean", config: { sql: "y" }, position: { x: 5, y: 0 } },
        { id: "more" },
      ],
      edges: [],
      settings: { priority: 1 },
    };
    const found = differences(base, theirs);
    expect(found.lines).toEqual([
      "Load: different path, policy",
      "clean: different sql, place",
      "more is only in the saved draft",
      "Load → clean is connected only in this tab",
      "Workflow settings differ",
    ]);
    expect(summary(found)).toBe("2 nodes differ · 1 node is only there · 2 other differences");
  });

  it("is nothing exactly when both say the same, but for order", () => {
    fc.assert(
      fc.property(documents, documents, (one, other) => {
        if (isEqual(asJson(one), asJson(other))) expect(differences(one, other).lines).toEqual([]);
        const count = differences(one, other).lines.length;
        expect(differences(other, one).lines.length).toBe(count);
      }),
    );
  });
});

describe("how it is told", () => {
  const state = initialState("doc", { tag: '"1"', base: null, drafted: true }, 0);
  it("says since when it is saved, and where the rest is", () => {
    expect(statusText(state, true, 2000)).toBe("Saved");
    expect(statusText(state, true, 23_000)).toBe("Saved 20 s ago");
    expect(statusText({ ...state, savedAt: null }, true, 0)).toBe("No changes yet");
    const offline = { ...state, doc: "other", trouble: { kind: "offline", tries: 1, why: null } } as const;
    expect(statusText(offline, true, 0)).toBe("Not saved: offline, stored in this browser");
    expect(statusText(offline, false, 0)).toBe("Not saved: offline, only in this tab");
    expect(standing({ ...state, doc: "other" })).toBe("unsaved");
  });
});
