/** Finds `{{ }}` in a text by the rules of the server's `engine/expressions/`. Pure. */

/** Turns a position in code points into one in an editor: UTF-16 units, with line breaks counted as one. */
export function editorOffset(text: string, point: number): number {
  if (!/[\r\ud800-\udfff]/.test(text)) return point;
  return [...text].slice(0, point).join("").replace(/\r\n?/g, "\n").length;
}

interface Span {
  readonly start: number;
  /** Behind the closing braces; the end of the text if there are none. */
  readonly end: number;
  readonly closed: boolean;
}

// Braces inside strings do not count; those in comments and behind an unclosed quote do.
const TEXT = /(?:[bB][rR]?|[rR])?(?:'''|""")/y;
const HEX = "[0-9a-fA-F]";
const NO_SURROGATE = "(?!(?:0000)?[dD][89a-fA-F])";
const ESCAPE =
  String.raw`\\(?:[abfnrtv\\?"'` +
  "`" +
  String.raw`]|[xX]${HEX}{2}|u${NO_SURROGATE}${HEX}{4}|U${NO_SURROGATE}00(?:0${HEX}|10)${HEX}{4}|[0-3][0-7]{2})`;
const STRING = new RegExp(
  String.raw`[bB]?(?:'(?:[^'\\\r\n]|${ESCAPE})*'|"(?:[^"\\\r\n]|${ESCAPE})*")|[bB]?[rR](?:'[^'\r\n]*'|"[^"\r\n]*")`,
  "y",
);
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** Returns the end of the triple-quoted string that is open at `start`; -1: it is not closed. */
function tripleEnd(text: string, start: number, opening: string): number {
  const quote = opening.slice(-3);
  const raw = opening.toLowerCase().includes("r");
  let at = start;
  for (;;) {
    const close = text.indexOf(quote, at);
    if (close < 0 || raw) return close < 0 ? close : close + 3;
    const backslash = text.slice(at, close).indexOf("\\");
    if (backslash < 0) return close + 3;
    at += backslash + 2;
  }
}

function endOf(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const character = text[at];
    if (character === "}") {
      if (!depth && text[at + 1] === "}") return at + 2;
      depth = Math.max(0, depth - 1);
      at += 1;
    } else if (character === "{") {
      depth += 1;
      at += 1;
    } else {
      const opening = matchAt(TEXT, text, at);
      if (opening) {
        const close = tripleEnd(text, at + opening.length, opening);
        at = close >= 0 ? close : at + opening.length;
        continue;
      }
      at += (matchAt(STRING, text, at) ?? matchAt(NAME, text, at))?.length ?? 1;
    }
  }
  return -1;
}

/** Returns all expressions of a text, in order. */
export function findSpans(text: string): Span[] {
  const spans: Span[] = [];
  let start = text.indexOf("{{");
  while (start >= 0) {
    const end = endOf(text, start + 2);
    if (end < 0) {
      spans.push({ start, end: text.length, closed: false });
      break;
    }
    spans.push({ start, end, closed: true });
    start = text.indexOf("{{", end);
  }
  return spans;
}

/** Returns the expression around a position; null: none. */
export function spanAround(spans: readonly Span[], at: number): Span | null {
  return spans.find((span) => at >= span.start + 2 && (span.closed ? at <= span.end - 2 : at <= span.end)) ?? null;
}
