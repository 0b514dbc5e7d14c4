import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines } from "./line-diff";

const shown = (older: string, newer: string): string =>
  diffLines(older, newer)
    .map(({ kind, text }) => ({ both: " ", new: "+", old: "-", gap: "…" })[kind] + text)
    .join("\n");

describe("lines that differ", () => {
  it("stand among those that do not", () => {
    expect(shown("a\nb\nc\nd\ne\nf\ng\nh", "a\nb\nc\nX\nd\ne\nf\nh")).toBe("…\n b\n c\n+X\n d\n e\n f\n-g\n h");
    expect(shown("select 1", "select 2")).toBe("-select 1\n+select 2");
    expect(shown("", "a")).toBe("-\n+a");
  });
  it("of both make both texts", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 7 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (older, newer) => {
        const lines = diffLines(older, newer);
        if (lines.some(({ kind }) => kind === "gap")) return;
        const of = (kind: string): string =>
          lines
            .filter((line) => line.kind === "both" || line.kind === kind)
            .map((line) => line.text)
            .join("\n");
        expect(of("old")).toBe(older);
        expect(of("new")).toBe(newer);
      }),
    );
  });
  it("of long texts take no time", () => {
    const long = Array.from({ length: 20_000 }, (_, at) => `line ${at}`);
    const start = performance.now();
    expect(diffLines(long.join("\n"), long.slice().reverse().join("\n")).length).toBeGreaterThan(20_000);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
