import { describe, expect, it } from "vitest";
import type { LogLine } from "../../live/protocol";
import { LineCache } from "./line-cache";

const line = (seq: number, message = "x"): LogLine => ({ seq, at: "", node: "a", attempt: 1, level: "info", message });

describe("the text of lines that is kept", () => {
  it("is that of the lines used last", () => {
    const cache = new LineCache(3);
    cache.add([line(1), line(2), line(3)]);
    cache.get(1);
    cache.add([line(4)]);
    expect([1, 2, 3, 4].map((seq) => cache.has(seq))).toEqual([true, false, true, true]);
  });
  it("is bounded by its length, of which long lines take more", () => {
    const cache = new LineCache(1000, 100);
    for (let seq = 1; seq <= 50; seq += 1) cache.add([line(seq, "y".repeat(30))]);
    expect(cache.size).toBe(3);
    cache.add([line(50, "z"), line(60, "y".repeat(30))]);
    expect(cache.size).toBe(4);
    expect(cache.get(50)?.message).toBe("z");
  });
});
