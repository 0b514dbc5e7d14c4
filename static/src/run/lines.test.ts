import { describe, expect, it } from "vitest";
import { KEPT, Lines } from "./lines";
import type { LogLine } from "../live/protocol";

const line = (seq: number, message = `line ${seq}`, level = "info", node = "a"): LogLine => ({ seq, at: "", node, attempt: 1, level, message });

describe("the lines of a log", () => {
  it("take each line once, in order", () => {
    const lines = new Lines();
    lines.append([line(3), line(5)]);
    expect(lines.append([line(5), line(6)]).added).toBe(1);
    expect(lines.shown.map((one) => one.seq)).toEqual([3, 5, 6]);
  });
  it("are filtered by node, level and text, also those that come later", () => {
    const lines = new Lines();
    lines.append([line(1, "alpha"), line(2, "Beta", "error"), line(3, "beta", "warning", "b")]);
    lines.setFilter({ node: "", level: "warning", text: "bet" });
    expect(lines.shown.map((one) => one.seq)).toEqual([2, 3]);
    expect(lines.append([line(4, "beta", "info"), line(5, "beta", "error")]).added).toBe(1);
    lines.setFilter({ node: "b", level: "", text: "" });
    expect(lines.shown.map((one) => one.seq)).toEqual([3]);
  });
  it("take older lines before the first", () => {
    const lines = new Lines();
    lines.append([line(10)]);
    expect(lines.prepend([line(8), line(9), line(10)], true)).toBe(2);
    expect(lines.shown.map((one) => one.seq)).toEqual([8, 9, 10]);
    expect(lines.complete).toBe(true);
  });
  it("may begin with what is read back, before anything newer is known", () => {
    const lines = new Lines();
    expect(lines.prepend([line(8), line(9)], false)).toBe(2);
    expect(lines.append([line(9), line(12)]).added).toBe(1);
    expect(lines.shown.map((one) => one.seq)).toEqual([8, 9, 12]);
  });
  it("drop the oldest beyond what is kept, and say so", () => {
    const lines = new Lines();
    lines.append(Array.from({ length: KEPT }, (_, i) => line(i + 1)));
    lines.complete = true;
    expect(lines.append([line(KEPT + 1), line(KEPT + 2)])).toEqual({ added: 2, dropped: 2 });
    expect(lines.complete).toBe(false);
    expect(lines.firstSeq).toBe(3);
  });
});
