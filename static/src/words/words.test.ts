import { describe, expect, it } from "vitest";
import said from "./said.json";
import { count, duration, size, visible } from "./words";

describe("words are said as in the pages", () => {
  it.each(said.duration as [number | null, string][])("duration of %s is %s", (value, text) => {
    expect(duration(value)).toBe(text);
  });
  it.each(said.count as [number, string][])("count of %s is %s", (value, text) => {
    expect(count(value)).toBe(text);
  });
  it.each(said.size as [number, string][])("size of %s is %s", (value, text) => {
    expect(size(value)).toBe(text);
  });
  it.each(said.visible as [string, string][])("%j is shown as %j", (value, text) => {
    expect(visible(value)).toBe(text);
  });
});
