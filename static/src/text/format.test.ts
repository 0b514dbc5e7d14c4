import type { Json } from "../json";
import { describe, expect, it } from "vitest";

import examples from "./format.json";
import { format } from "./format";

describe("a definition as text", () => {
  it.each(examples as [Json, string][])("is written for people: %#", (value, text) => {
    expect(format(value)).toBe(text);
    expect(JSON.parse(text)).toEqual(value);
  });
});
