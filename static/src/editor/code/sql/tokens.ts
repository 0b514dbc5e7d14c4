/** Splits DuckDB's SQL into tokens, as `engine/sql/text.py` does. Pure. */

import { findSpans } from "../spans";

type TokenKind = "word" | "name" | "string" | "number" | "comment" | "expression" | "mark";

export interface Token {
  /** `name`: in double quotes. */
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly closed: boolean;
  /** A word in lower case, a name without its quotes, other text unchanged. */
  readonly text: string;
}

const PIECE =
  /(--[^\r\n]*)|(\/\*)|([eE]'(?:[^'\\]|''|\\[^])*'?)|('(?:[^']|'')*'?)|("(?:[^"]|"")*"?)|(\$(?:[^\W\d]\w*)?\$)|(\$\w+|\?)|([^\W\d][\w$]*|[\u0080-\uffff]+)|(\d[\w.]*|\.\d\w*)|(::|->>?|[<>!=]=|<>|\|\||:=|=>|[^\s])/y;

const SPACE = /\s*/y;

function commentEnd(sql: string, at: number): number {
  let depth = 1;
  const edge = /\/\*|\*\//g;
  edge.lastIndex = at;
  for (let found = edge.exec(sql); found; found = edge.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (!depth) return edge.lastIndex;
  }
  return -1;
}

/** Returns whether a quoted text is closed; pairs of quotes at its end belong to the text. */
function ends(text: string, quote: string): boolean {
  const first = text.indexOf(quote);
  let at = text.length;
  while (at > first + 1 && text.charAt(at - 1) === quote) at -= 1;
  return (text.length - at) % 2 === 1;
}

export function tokenize(sql: string): Token[] {
  const spans = sql.includes("{{") ? findSpans(sql) : [];
  const found: Token[] = [];
  let next = 0;
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.test(sql);
    at = SPACE.lastIndex;
    if (at >= sql.length) return found;
    while ((spans[next]?.start ?? Infinity) < at) next += 1;
    const span = spans[next];
    if (span?.start === at) {
      found.push({ kind: "expression", start: at, end: span.end, closed: span.closed, text: "" });
      at = span.end;
      continue;
    }
    PIECE.lastIndex = at;
    const match = PIECE.exec(sql);
    if (!match) return found;
    const [text, line, block, escaped, string, name, dollar, parameter, word, number] = match;
    let end = at + text.length;
    let closed = true;
    let kind: TokenKind = "mark";
    let shown = text;
    if (line !== undefined) kind = "comment";
    else if (block !== undefined) {
      kind = "comment";
      const close = commentEnd(sql, end);
      closed = close >= 0;
      end = closed ? close : sql.length;
      shown = "";
    } else if (escaped !== undefined || string !== undefined) {
      kind = "string";
      closed = ends(text, "'");
    } else if (name !== undefined) {
      kind = "name";
      closed = ends(text, '"');
      shown = text.slice(1, closed ? -1 : undefined).replaceAll('""', '"');
    } else if (dollar !== undefined) {
      kind = "string";
      const close = sql.indexOf(dollar, end);
      closed = close >= 0;
      end = closed ? close + dollar.length : sql.length;
    } else if (parameter !== undefined || number !== undefined) kind = "number";
    else if (word !== undefined) {
      kind = "word";
      shown = word.toLowerCase();
    }
    found.push({ kind, start: at, end, closed, text: shown });
    at = end;
  }
}
