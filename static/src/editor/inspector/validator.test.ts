import type { JsonObject } from "../../json";
import { describe, expect, it } from "vitest";

import { instantFaults, valueAt } from "./validator";

const SCHEMA: JsonObject = {
  type: "object",
  properties: {
    sql: { type: "string", title: "SQL", minLength: 1 },
    n: { type: "integer", title: "Number", minimum: 1, maximum: 9 },
    kind: { enum: ["a", "b"], title: "Kind" },
    cases: {
      type: "array",
      title: "Cases",
      minItems: 1,
      items: {
        type: "object",
        properties: { port: { type: "string", title: "Port", pattern: "^[a-z]+$" } },
        required: ["port"],
      },
    },
  },
  required: ["sql"],
  additionalProperties: false,
};

describe("what is wrong at once", () => {
  it("is said at its place, once", () => {
    expect(instantFaults(SCHEMA, { sql: "select 1" })).toEqual([]);
    expect(instantFaults(SCHEMA, {})).toEqual([{ path: ["sql"], message: "SQL is required." }]);
    expect(instantFaults(SCHEMA, { sql: "" })).toEqual([{ path: ["sql"], message: "SQL must not be empty." }]);
    expect(instantFaults(SCHEMA, { sql: 5 })).toEqual([{ path: ["sql"], message: "SQL must be a text." }]);
    expect(instantFaults(SCHEMA, { sql: "x", n: 12 })).toEqual([{ path: ["n"], message: "Number must be at most 9." }]);
    expect(instantFaults(SCHEMA, { sql: "x", kind: "c" })).toEqual([
      { path: ["kind"], message: "Kind must be one of the listed values." },
    ]);
  });
  it("is found in lists", () => {
    expect(instantFaults(SCHEMA, { sql: "x", cases: [{ port: "ok" }, { port: "No" }, {}] })).toEqual([
      { path: ["cases", 1, "port"], message: "Port must match the pattern ^[a-z]+$." },
      { path: ["cases", 2, "port"], message: "Port is required." },
    ]);
    expect(instantFaults(SCHEMA, { sql: "x", cases: [] })).toEqual([
      { path: ["cases"], message: "Cases must have at least 1 entry." },
    ]);
  });
});

it("reads values by their path", () => {
  expect(valueAt({ a: [{ b: 1 }] }, ["a", 0, "b"])).toBe(1);
  expect(valueAt({ a: [1] }, ["a", "length"])).toBeUndefined();
  expect(valueAt({}, ["toString"])).toBeUndefined();
});
