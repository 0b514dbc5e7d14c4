import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { smallestChange } from "./change";
import { editorOffset, findSpans, spanAround } from "./spans";

const shown = (text: string): string[] => findSpans(text).map(({ start, end }) => text.slice(start, end));

describe("expressions in a text", () => {
  it("end where the server says they end", () => {
    expect(shown("a {{ inputs.x }} b {{run.id}}")).toEqual(["{{ inputs.x }}", "{{run.id}}"]);
    expect(shown('{{ "}}" }} after')).toEqual(['{{ "}}" }}']);
    expect(shown("{{ '''}}''' + {'a': {'b': 1}}.a }}!")).toEqual(["{{ '''}}''' + {'a': {'b': 1}}.a }}"]);
    expect(shown('{{ it\'s }} and {{ "x" }}')).toEqual(["{{ it's }}", '{{ "x" }}']);
    expect(shown(String.raw`{{ r'\' }} {{ "\q}}" }}`)).toEqual([String.raw`{{ r'\' }}`, String.raw`{{ "\q}}`]);
    expect(shown("{{ a // }} }}")).toEqual(["{{ a // }}"]);
  });

  it("take the rest of the text when they are not closed", () => {
    expect(findSpans("x {{ a } b")).toEqual([{ start: 2, end: 10, closed: false }]);
  });

  it("lie in order, apart, between their brackets", () => {
    const piece = fc.constantFrom("{{", "}}", "{", "}", '"', "'", "'''", "\\", "a", " ", "\n", "//", "r", "b'", "🛫");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join("");
        let before = 0;
        for (const { start, end, closed } of findSpans(text)) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(text.startsWith("{{", start)).toBe(true);
          if (closed) expect(text.slice(end - 2, end)).toBe("}}");
          else expect(end).toBe(text.length);
          before = end;
        }
        if (!text.includes("{{")) expect(findSpans(text)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it("surround the cursor between their brackets only", () => {
    const spans = findSpans("{{}} {{ a }}");
    expect(spanAround(spans, 2)?.start).toBe(0);
    expect(spanAround(spans, 4)).toBeNull();
    expect(spanAround(spans, 9)?.start).toBe(5);
    expect(spanAround(spans, 12)).toBeNull();
  });
});

describe("the smallest change", () => {
  const apply = (before: string, after: string): string => {
    const change = smallestChange(before, after);
    return change ? before.slice(0, change.from) + change.insert + before.slice(change.to) : before;
  };

  it("leaves what is the same", () => {
    expect(smallestChange("select a", "select a")).toBeNull();
    expect(smallestChange("avg(dep_dely)", "avg(dep_delay)")).toEqual({ from: 11, to: 11, insert: "a" });
    expect(smallestChange("aaa", "aa")).toEqual({ from: 2, to: 3, insert: "" });
  });

  it("makes the other text of any, and cuts no character", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "😀", "😁", "é"), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(apply(before, after)).toBe(after);
        const change = smallestChange(before, after);
        if (change) expect(change.insert + before.slice(change.from, change.to)).not.toMatch(/\p{Surrogate}/u);
      }),
      { numRuns: 2000 },
    );
  });
});

it("counts as the editor does, whatever characters and line breaks there are", () => {
  const text = "a\r\n😀\r\né = 1";
  const shown = text.replaceAll("\r\n", "\n");
  const at = (part: string): number => [...text.slice(0, text.indexOf(part))].length;
  for (const part of ["a", "😀", "é", "1"]) expect(shown.startsWith(part, editorOffset(text, at(part)))).toBe(true);
  expect(editorOffset("plain", 3)).toBe(3);
});
