import { nodeType } from "../../document/testing/node-type";
import type { NodeType } from "../../document/node-type";
import { describe, expect, it } from "vitest";
import { likely, matching } from "./ranking";

import { freePlaceNear } from "../../document/free-space";

const type = (name: string, id: string, more: Partial<NodeType> = {}): NodeType => nodeType(id, { name, ...more });
const TYPES = [
  type("Read table", "table.read", {
    description: "Reads CSV or Parquet.",
    start_rank: 1,
    followed_by: ["table.sql", "python", "table.write"],
  }),
  type("SQL", "table.sql", { description: "One query.", between_rank: 1 }),
  type("Write table", "table.write", { description: "Writes CSV.", preceded_by: ["table.sql"] }),
  type("Python", "python", { description: "Runs a function.", start_rank: 2, between_rank: 2 }),
  type("Python function", "python.function"),
];
const KNOWN = new Map(TYPES.map((one) => [one.type, one]));
const ids = (types: readonly NodeType[]): string[] => types.map((one) => one.type);

describe("what is meant", () => {
  it("lists all types for no words, the likely ones first", () => {
    expect(ids(matching(TYPES, "", likely(KNOWN, { after: "table.read", before: null })))).toEqual([
      "table.sql",
      "python",
      "table.write",
      "table.read",
      "python.function",
    ]);
    expect(ids(matching(TYPES, " ", likely(KNOWN, { after: null, before: null })))[0]).toBe("table.read");
    expect(likely(KNOWN, { after: "table.read", before: "table.write" })[0]).toBe("table.sql");
    expect(likely(KNOWN, { after: "my.type", before: null })).toEqual(["table.sql", "python"]);
    expect(likely(KNOWN, { after: null, before: "table.write" })).toEqual(["table.sql"]);
  });

  it("puts what begins with the word before what holds it", () => {
    expect(ids(matching(TYPES, "sql", []))).toEqual(["table.sql"]);
    expect(ids(matching(TYPES, "pyth", []))).toEqual(["python", "python.function"]);
    expect(ids(matching(TYPES, "csv", ["table.write"]))).toEqual(["table.write", "table.read"]);
    expect(ids(matching(TYPES, "write csv", []))).toEqual(["table.write"]);
    expect(matching(TYPES, "xyz", [])).toEqual([]);
  });
});

describe("room", () => {
  it("is where it was wished while nothing is there", () => {
    expect(freePlaceNear({ x: 94, y: 27 }, [])).toEqual({ x: 0, y: 0 });
  });

  it("covers no card, however many were added before", () => {
    const taken = [{ x: 0, y: 0 }];
    for (let n = 0; n < 60; n += 1) {
      const at = freePlaceNear({ x: 94, y: 27 }, taken);
      expect(taken.every((one) => Math.abs(one.x - at.x) >= 188 || Math.abs(one.y - at.y) >= 54)).toBe(true);
      taken.push(at);
    }
  });
});
