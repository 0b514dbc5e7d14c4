import { describe, expect, it } from "vitest";
import type { LogLine } from "../../live/protocol";
import { emptyRow, fillRow, markMatches, plainText, slice } from "./log-line";

const line = (message: string, level = "info"): LogLine => ({
  seq: 1,
  at: "2026-11-24T08:00:00.000000Z",
  node: "a",
  attempt: 1,
  level,
  message,
});
const shown = { text: "", left: 0, width: 100 };

describe("a line of a log", () => {
  it("marks hits also where a colour begins inside them", () => {
    expect(
      markMatches(
        [
          { text: "ab", style: "r" },
          { text: "cd ab", style: "" },
        ],
        "BC",
      ).map((one) => [one.text, one.style, one.hit]),
    ).toEqual([
      ["a", "r", false],
      ["b", "r", true],
      ["c", "", true],
      ["d ab", "", false],
    ]);
  });
  it("is text, whatever it holds", () => {
    const row = emptyRow();
    fillRow(row, line("<b>\u202e\u001b[31mred\u001b[0m</b>"), { ...shown, text: "<B>" });
    expect(row.querySelector("b")).toBeNull();
    expect(row.querySelector("mark")?.textContent).toBe("<b>");
    expect(row.querySelector(".ctl")?.textContent).toBe("\\u202e");
    expect(row.querySelector(".ansi-1")?.textContent).toBe("red");
  });
  it("of 16 KiB is laid out where it is looked at, and keeps its width", () => {
    const row = emptyRow();
    const text = Array.from({ length: 2000 }, (_, i) => String(i).padStart(8)).join("");
    fillRow(row, line(text), { ...shown, left: 8000 });
    const message = row.lastElementChild as HTMLElement;
    const first = parseInt(message.style.paddingLeft, 10);
    expect(message.textContent).toBe(text.slice(first, first + (message.textContent ?? "").length));
    expect(first).toBeLessThanOrEqual(8000);
    expect(message.textContent?.length).toBeLessThan(1000);
    expect(first + (message.textContent?.length ?? 0) + parseInt(message.style.paddingRight, 10)).toBe(16_000);
  });
  it("that tells what was dropped is shown as such", () => {
    const row = emptyRow();
    fillRow(
      row,
      line(
        "1,234 lines (5.6 MiB) were dropped here: an attempt keeps its first and last 50,000 lines, at most 64 MiB.",
        "warning",
      ),
      shown,
    );
    expect(row.className).toBe("line dropped");
    fillRow(row, line("12 lines were dropped here", "warning"), shown);
    expect(row.className).toBe("line warning");
  });
  it("is copied with its time, without colours", () => {
    expect(plainText(line("\u001b[1mbold\u001b[0m x"))).toBe("2026-11-24T08:00:00.000000Z info    a bold x");
  });
  it("is cut by characters over its pieces", () => {
    const parts = markMatches(
      [
        { text: "abc", style: "" },
        { text: "def", style: "x" },
      ],
      "",
    );
    expect(slice(parts, 2, 5).map((one) => one.text)).toEqual(["c", "de"]);
  });
});
