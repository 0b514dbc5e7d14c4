import { describe, expect, it } from "vitest";
import examples from "./examples.json";
import { count, duration, secondsBetween, size, visible } from "./words";

describe("words are formatted as on the server", () => {
  it.each(examples.duration as [number | null, string][])("duration of %s is %s", (value, text) => {
    expect(duration(value)).toBe(text);
  });
  it.each(examples.count as [number, string][])("count of %s is %s", (value, text) => {
    expect(count(value)).toBe(text);
  });
  it.each(examples.size as [number, string][])("size of %s is %s", (value, text) => {
    expect(size(value)).toBe(text);
  });
  it.each(examples.visible as [string, string][])("%j is shown as %j", (value, text) => {
    expect(visible(value)).toBe(text);
  });
  it("measures to the microsecond", () => {
    expect(secondsBetween("2026-11-24T08:00:00.999900Z", "2026-11-24T08:00:01.003400Z")).toBeCloseTo(0.0035, 7);
    expect(secondsBetween("2026-11-24T08:00:00Z", "2026-11-24T08:01:00.5Z")).toBeCloseTo(60.5, 7);
  });
});
