import { type JsonObject } from "../../json";
import { describe, expect, it } from "vitest";

import { cleaned, controlOf, placeOf, schemaAt, startOf } from "./schema";

const READ: JsonObject = {
  type: "object",
  properties: {
    path: { type: "string", minLength: 1, "x-editor": "path" },
    format: { enum: ["auto", "csv"], default: "auto" },
    options: {
      type: "object",
      properties: {
        header: { type: "boolean" },
        nullstr: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
        columns: { type: "object", additionalProperties: { type: "string" } },
        records: { enum: ["auto", true, false] },
      },
      additionalProperties: false,
      default: {},
    },
    cases: {
      type: "array",
      items: {
        type: "object",
        properties: { port: { type: "string" }, when: { type: ["string", "boolean"], "x-editor": "expression" } },
        required: ["port", "when"],
      },
    },
  },
  required: ["path"],
  additionalProperties: false,
};

describe("the control of a schema", () => {
  const kind = (schema: JsonObject): string => controlOf(schema).kind;
  it("is told by type, editor and enum", () => {
    expect(controlOf({ type: "string", "x-editor": "sql" })).toEqual({ kind: "code", language: "sql", loose: false });
    expect(controlOf({ type: ["string", "boolean"], "x-editor": "expression" })).toEqual({
      kind: "code",
      language: "expression",
      loose: true,
    });
    expect(kind({ type: "string", "x-editor": "path" })).toBe("path");
    expect(controlOf({ enum: ["auto", true] })).toEqual({
      kind: "choice",
      options: [
        { value: "auto", label: "auto" },
        { value: true, label: "true" },
      ],
    });
    expect(kind({ oneOf: [{ const: 1, title: "One" }, { const: 2 }] })).toBe("choice");
    expect(kind({ type: "boolean" })).toBe("maybe");
    expect(kind({ type: "boolean", default: false })).toBe("switch");
    expect(kind({ type: "integer" })).toBe("number");
    expect(controlOf({ type: "string", maxLength: 5000 })).toEqual({ kind: "text", long: true });
    expect(kind({ type: ["string", "number", "boolean"] })).toBe("scalar");
    expect(kind({ type: ["string", "null"] })).toBe("text");
  });
  it("is told by what a list or an object holds", () => {
    expect(kind({ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] })).toBe("texts");
    expect(kind({ anyOf: [{ type: "string" }, { type: "number" }] })).toBe("scalar");
    expect(kind({ anyOf: [{ type: "object", properties: { a: { type: "string" } } }, { type: "string" }] })).toBe(
      "other",
    );
    expect(kind({ type: "array", items: { type: "integer" } })).toBe("texts");
    expect(kind({ type: "array", items: { enum: ["a", "b"] } })).toBe("several");
    expect(kind({ type: "array", items: { type: "object", properties: { a: {} } } })).toBe("items");
    expect(kind({ type: "array" })).toBe("json");
    expect(controlOf({ type: "object", additionalProperties: { type: "string" } })).toEqual({
      kind: "map",
      texts: true,
    });
    expect(controlOf({ type: "object" })).toEqual({ kind: "map", texts: false });
    expect(kind({ type: "object", properties: { a: {} } })).toBe("group");
    expect(kind({})).toBe("json");
    expect(kind({ $ref: "#/$defs/x" })).toBe("other");
  });
});

describe("where a problem is shown", () => {
  it("is the deepest control on its path", () => {
    expect(placeOf(READ, ["path"])).toEqual(["path"]);
    expect(placeOf(READ, ["options", "header"])).toEqual(["options", "header"]);
    expect(placeOf(READ, ["options", "columns", "day"])).toEqual(["options", "columns"]);
    expect(placeOf(READ, ["options", "nullstr", 2])).toEqual(["options", "nullstr"]);
    expect(placeOf(READ, ["options", "bogus"])).toEqual(["options"]);
    expect(placeOf(READ, ["cases", 1, "when"])).toEqual(["cases", 1, "when"]);
    expect(placeOf(READ, ["bogus"])).toEqual([]);
  });
});

describe("what is written", () => {
  it("leaves out nothing and defaults, but never what must be there", () => {
    expect(cleaned({ type: "string" }, false, "", true)).toBeUndefined();
    expect(cleaned({ type: "string" }, true, "", true)).toBe("");
    expect(cleaned({ default: "auto" }, false, "auto", false)).toBeUndefined();
    expect(cleaned({ default: "auto" }, false, "auto", true)).toBe("auto");
    expect(cleaned({ default: "auto" }, true, "auto", false)).toBe("auto");
    expect(cleaned({}, false, [], false)).toBeUndefined();
    expect(cleaned({}, false, {}, false)).toBeUndefined();
    expect(cleaned({}, false, 0, false)).toBe(0);
    expect(cleaned({}, false, false, false)).toBe(false);
  });
  it("starts entries with what they need", () => {
    const items = schemaAt(READ, ["cases", 0]) ?? {};
    expect(startOf(items)).toEqual({ port: "", when: "" });
    expect(startOf({ type: "integer", minimum: 3 })).toBe(3);
    expect(startOf({ enum: ["x", "y"] })).toBe("x");
  });
});
