import { describe, expect, it } from "vitest";
import { parseAnsi } from "./ansi";

const ESC = "\u001b";

describe("log lines", () => {
  it("keep plain text in one piece", () => {
    expect(parseAnsi("copied 26,398 rows")).toEqual([{ text: "copied 26,398 rows", style: "" }]);
  });
  it("take colours and weight from SGR sequences until they are reset", () => {
    expect(parseAnsi(`${ESC}[1;31mbad${ESC}[0m ok`)).toEqual([
      { text: "bad", style: "ansi-1 ansi-b" },
      { text: " ok", style: "" },
    ]);
  });
  it("skip the arguments of 256 and true colours", () => {
    expect(parseAnsi(`${ESC}[38;5;196ma${ESC}[38;2;1;2;3mb${ESC}[4mc`)).toEqual([
      { text: "a", style: "" },
      { text: "b", style: "" },
      { text: "c", style: "ansi-u" },
    ]);
  });
  it("write out what a terminal would obey", () => {
    expect(
      parseAnsi(`${ESC}]0;title\u0007x${ESC}[2J`)
        .map((piece) => piece.text)
        .join(""),
    ).toBe("\\u001b]0;title\\u0007x\\u001b[2J");
  });
  it("write out bidirectional characters and carriage returns", () => {
    expect(parseAnsi("user\u202etxt.exe\r")).toEqual([
      { text: "user", style: "" },
      { text: "\\u202e", style: "ctl" },
      { text: "txt.exe", style: "" },
      { text: "\\u000d", style: "ctl" },
    ]);
  });
  it("never make markup", () => {
    expect(parseAnsi("<img src=x onerror=alert(1)>")[0]?.text).toBe("<img src=x onerror=alert(1)>");
  });
});
