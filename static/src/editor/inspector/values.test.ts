import type { Json } from "../../json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { doubled, looseText, objectOf, readLoose, readNumber, readSeconds, rowsOf } from "./values";

describe("seconds", () => {
  it.each([
    ["90", 90],
    ["1.5", 1.5],
    ["1,5", 1.5],
    ["0.4 s", 0.4],
    ["5 m", 300],
    ["5m", 300],
    ["1 h 30 m", 5400],
    ["2 d 4 h", 187200],
    ["200 ms", 0.2],
    ["3 min", 180],
  ])("%s is %d", (text, seconds) => expect(readSeconds(text)).toEqual({ value: seconds }));
  it.each(["soon", "5 x", "1 h 30", "-5", "5 m !", "m"])("%s is none", (text) =>
    expect(readSeconds(text)).toEqual({ wrong: "seconds" }),
  );
  it("nothing is no value", () => expect(readSeconds("  ")).toEqual({ value: undefined }));
});

describe("numbers", () => {
  it("may be whole only", () => {
    expect(readNumber("12", true)).toEqual({ value: 12 });
    expect(readNumber("1.5", true)).toEqual({ wrong: "whole" });
    expect(readNumber("1,5", false)).toEqual({ value: 1.5 });
    expect(readNumber("-1", true)).toEqual({ value: -1 });
    expect(readNumber("1e3", false)).toEqual({ value: 1000 });
    expect(readNumber("0x10", false)).toEqual({ wrong: "number" });
    expect(readNumber("Infinity", false)).toEqual({ wrong: "number" });
  });
});

describe("texts that may be JSON", () => {
  it("are JSON where they look like it", () => {
    expect(readLoose("5")).toBe(5);
    expect(readLoose("true")).toBe(true);
    expect(readLoose("[1, 2]")).toEqual([1, 2]);
    expect(readLoose('"5"')).toBe("5");
    expect(readLoose("{{ inputs.month }}")).toBe("{{ inputs.month }}");
    expect(readLoose("trueish")).toBe("trueish");
    expect(readLoose("2013-01-01")).toBe("2013-01-01");
  });
  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json;
        expect(readLoose(looseText(json))).toEqual(json);
      }),
    );
  });
});

describe("rows of a map", () => {
  it("come back as they were", () => {
    const value: Json = { A: "x", B: 5, C: "5", D: [1], E: true };
    expect(objectOf(rowsOf(value, false), false)).toEqual(value);
    expect(objectOf(rowsOf({ a: "5" }, true), true)).toEqual({ a: "5" });
  });
  it("leave out rows without a name, keep the first of two, and take __proto__ as a name", () => {
    const rows = [
      { key: "a", text: "1" },
      { key: "", text: "2" },
      { key: "a ", text: "3" },
      { key: "__proto__", text: "4" },
    ];
    expect(JSON.stringify(objectOf(rows, false))).toBe('{"a":1,"__proto__":4}');
    expect([...doubled(rows)]).toEqual(["a"]);
  });
});
