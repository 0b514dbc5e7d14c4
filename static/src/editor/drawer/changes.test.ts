import type { JsonObject } from "../../json";
import { describe, expect, it } from "vitest";
import { reduce } from "../../document/changes";
import { changesBetween } from "../../document/diff";
import { type Doc, emptyDocument, readDocument } from "../../document/document";

import { sentenceOf, reverted } from "./changes";
import { EditorStore } from "../../document/store";
import { randomAuthor, TYPES } from "../../document/testing/random-edits";

const doc = (nodes: JsonObject[], edges: JsonObject[] = [], more: JsonObject = {}): Doc =>
  readDocument({ ...more, nodes, edges }) as Doc;

describe("changes in words", () => {
  it("tell that an edge only orders now, and take that back", () => {
    const nodes = [
      { id: "a", type: "noop" },
      { id: "b", type: "noop" },
    ];
    const before = doc(nodes, [{ source: "a", target: "b" }]);
    const after = doc(nodes, [{ source: "a", target: "b", order: true }]);
    const [change, ...others] = changesBetween(before, after);
    expect(others).toEqual([]);
    if (!change) throw new Error("no change");
    expect(sentenceOf(change, after, TYPES)).toBe("a → b only orders now");
    const verb = reverted(change, after, before, "");
    if ("refused" in verb) throw new Error(verb.refused);
    expect(verb.changes.reduce(reduce, after)).toEqual(before);
  });
  it("name nodes, fields and what they lead to", () => {
    const before = doc(
      [
        { id: "a", type: "table.sql", name: "Delays by wind", config: { sql: "1" } },
        { id: "b", type: "noop" },
        { id: "c", type: "noop" },
      ],
      [{ source: "a", target: "b" }],
      { inputs: { properties: { month: {} } } },
    );
    const after = doc(
      [
        { id: "a", type: "table.sql", name: "Delays by wind", config: { sql: "2" }, policy: { retries: 2 } },
        { id: "b", type: "noop", position: { x: 1, y: 1 } },
        { id: "d", type: "noop", name: "D" },
      ],
      [{ source: "b", target: "a" }],
      { inputs: { properties: { year: {} } }, settings: { on_failure: "stop" } },
    );
    expect(changesBetween(before, after).map((change) => sentenceOf(change, after, TYPES))).toEqual([
      "Delays by wind: SQL, retries changed",
      "D added",
      "c removed",
      "b → Delays by wind connected",
      "Delays by wind → b disconnected",
      "Input month removed",
      "Input year added",
      "Workflow: on failure changed",
      "b moved",
    ]);
  });
});

describe("changes taken back", () => {
  it("one after the other lead to the live version again, whatever was done", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const store = new EditorStore(emptyDocument());
      const { edit } = randomAuthor(store, seed, true);
      for (let made = 0; made < 40;) if (edit()) made += 1;
      const live = store.doc;
      for (let made = 0; made < 25;) if (edit()) made += 1;
      let now = store.doc;
      for (let round = 0; round < 200; round += 1) {
        const changes = changesBetween(live, now);
        // A wire is put back where it closes no cycle any more.
        const verb = changes
          .map((change) => reverted(change, now, live, ""))
          .find((one) => !("refused" in one) && one.changes.reduce(reduce, now) !== now);
        if (!verb || "refused" in verb) break;
        now = verb.changes.reduce(reduce, now);
      }
      expect(changesBetween(live, now)).toEqual([]);
    }
  });
});
