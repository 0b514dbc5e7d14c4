import { BUILT_IN } from "../../document/testing/node-type";
import type { Json } from "../../json";
import { describe, expect, it } from "vitest";
import { reduce } from "../../document/changes";
import type { Doc } from "../../document/document";

import { added, kindOf, nameFault, renamedInput, turned, withRequired, without } from "./run-inputs";

const INPUTS: Json = {
  type: "object",
  properties: { month: { type: "integer", minimum: 1 }, kind: { type: "string" } },
  required: ["month"],
};

describe("rows of the inputs", () => {
  it("know what they can say", () => {
    expect(kindOf({ type: "integer", minimum: 1, default: 2 })).toBe("integer");
    expect(kindOf({ type: "string", format: "date" })).toBe("date");
    expect(kindOf({ type: "array", items: { type: "string" } })).toBe("strings");
    expect(kindOf({ type: "string", pattern: "x" })).toBe("other");
    expect(kindOf({ type: "object" })).toBe("other");
    expect(kindOf({})).toBe("other");
    expect(kindOf(true)).toBe("other");
  });
  it("are added and removed; the last one takes the schema with it", () => {
    const { schema, name } = added(undefined);
    expect(schema).toEqual({ type: "object", properties: { input: { type: "string" } } });
    expect(name).toBe("input");
    expect(added(schema).name).toBe("input_2");
    expect(without(schema, "input")).toBeUndefined();
    expect(without(INPUTS, "month")).toEqual({ type: "object", properties: { kind: { type: "string" } } });
    expect(without({ ...(INPUTS as object), additionalProperties: false }, "kind")).toMatchObject({
      additionalProperties: false,
    });
  });
  it("say whether they must be given", () => {
    expect(withRequired(INPUTS, "kind", true)).toMatchObject({ required: ["month", "kind"] });
    expect(withRequired(INPUTS, "month", false)).toEqual({
      type: "object",
      properties: (INPUTS as { properties: Json }).properties,
    });
  });
  it("turn into another kind without what says nothing there", () => {
    expect(turned({ type: "integer", title: "M", minimum: 1, default: 5, enum: [1] }, "string")).toEqual({
      type: "string",
      title: "M",
    });
    expect(turned({ type: "integer", minimum: 1 }, "number")).toEqual({ type: "number", minimum: 1 });
  });
  it("refuse names that cannot be", () => {
    expect(nameFault(INPUTS, "kind")).toBe("taken");
    expect(nameFault(INPUTS, "2x")).toBe("form");
    expect(nameFault(INPUTS, "")).toBe("empty");
    expect(nameFault(INPUTS, "year_2")).toBeNull();
  });
});

it("follows another name in expressions, and nowhere else", () => {
  const types = BUILT_IN;
  const doc: Doc = {
    inputs: INPUTS,
    nodes: [
      {
        id: "a",
        type: "table.sql",
        config: { sql: "select inputs.month from x where m = {{ inputs.month + inputs.months + inputs['month'] }}" },
      },
      { id: "b", type: "python", config: { code: "'{{ inputs.month }}'" } },
    ],
    edges: [],
  };
  const after = renamedInput(doc, types, "month", "when_").reduce(reduce, doc);
  expect(after["inputs"]).toEqual({
    type: "object",
    properties: { when_: { type: "integer", minimum: 1 }, kind: { type: "string" } },
    required: ["when_"],
  });
  expect(after.nodes[0]?.["config"]).toEqual({
    sql: "select inputs.month from x where m = {{ inputs.when_ + inputs.months + inputs['when_'] }}",
  });
  expect(after.nodes[1]).toBe(doc.nodes[1]);
});
