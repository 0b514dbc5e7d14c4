import { expect, it } from "vitest";
import { isEqual } from "./json";

it("compares JSON by content", () => {
  expect(isEqual({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(isEqual({ a: 1 }, { b: 1 })).toBe(false);
  expect(isEqual([1], { 0: 1 })).toBe(false);
  expect(isEqual(undefined, null)).toBe(false);
});
