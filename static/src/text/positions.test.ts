import { describe, expect, it } from "vitest";
import { nearest, read } from "./positions";

const TEXT = `{
  "schema": "interlock/1",
  "nodes": [
    { "id": "a" },
    {
      "id": "b",
      "config": { "sql": "select 1", "a b": [1, 2] }
    }
  ]
}`;

const lineOf = (path: string): number | undefined => {
  const found = read(TEXT);
  return found.ok ? nearest(found.places, path)?.line : undefined;
};

describe("places in a JSON text", () => {
  it("are found by the paths of problems", () => {
    expect(lineOf("")).toBe(1);
    expect(lineOf("schema")).toBe(2);
    expect(lineOf("nodes[0]")).toBe(4);
    expect(lineOf("nodes[1]")).toBe(5);
    expect(lineOf("nodes[1].config.sql")).toBe(7);
    expect(lineOf('nodes[1].config["a b"][1]')).toBe(7);
  });
  it("of what is missing are those of what surrounds it", () => {
    expect(lineOf("nodes[1].policy.pool")).toBe(5);
    expect(lineOf("edges")).toBe(1);
    expect(lineOf('nodes[1].config["no such"]')).toBe(7);
  });
  it("name line and column of what is no JSON", () => {
    const problems: [string, number, number, string][] = [
      ['{\n "a": 1,\n}', 3, 1, "key"],
      ['{"a" 1}', 1, 6, "colon"],
      ["[1 2]", 1, 4, "comma-list"],
      ['{"a": 1 "b": 2}', 1, 9, "comma-object"],
      ['{"a": "x\n"}', 1, 9, "string"],
      ['{"a": tru}', 1, 7, "value"],
      ['["\\q"]', 1, 3, "escape"],
      ["{} x", 1, 4, "end"],
      ["", 1, 1, "value"],
    ];
    for (const [text, line, column, expected] of problems) {
      const found = read(text);
      expect(found.ok ? null : found.problem).toMatchObject({ line, column, expected });
    }
  });
  it("agree with the browser about what is JSON", () => {
    for (const text of [
      "1",
      "-0.5e+3",
      '"\\u00e9\\n"',
      "[]",
      "{}",
      "[[],{}]",
      '{"a":{"b":[null,true,false]}}',
      "01",
      "1.",
      "+1",
      "'a'",
      "nul",
      "[1,]",
      "{,}",
      '"\t"',
      "NaN",
    ]) {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect([text, read(text).ok]).toEqual([text, valid]);
    }
  });
  it("refuse what nests without end instead of running out of stack", () => {
    expect(read("[".repeat(100_000)).ok).toBe(false);
  });
});
