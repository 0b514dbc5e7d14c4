/** Finds `{{ }}` in texts, and renames ids of nodes in expressions (`nodes.<id>.output`). Pure; scans like
 * engine/expressions/. */

/** Start and end of an expression in a text, brackets included. */
export type Span = readonly [start: number, end: number];

const TOKEN =
  /(?<space>[ \t\r\n\f]+|\/\/[^\n]*)|(?<text>(?:[bB][rR]?|[rR])?(?:'''|"""))|(?<string>[bB]?(?:'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")|[bB]?[rR](?:'[^'\r\n]*'|"[^"\r\n]*"))|(?<number>[0-9][0-9a-zA-Z.]*)|(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<mark>[^])/y;

interface Token {
  readonly kind: "space" | "string" | "number" | "name" | "mark";
  readonly start: number;
  readonly end: number;
}

function tokenAt(text: string, at: number): Token & { closed: boolean } {
  TOKEN.lastIndex = at;
  const groups = TOKEN.exec(text)?.groups ?? {};
  if (groups["text"] !== undefined) {
    const end = tripleQuoteEnd(text, at + groups["text"].length, groups["text"]);
    return { kind: "string", start: at, end: end < 0 ? at + groups["text"].length : end, closed: end >= 0 };
  }
  for (const kind of ["space", "string", "number", "name"] as const) {
    const found = groups[kind];
    if (found !== undefined) return { kind, start: at, end: at + found.length, closed: true };
  }
  return { kind: "mark", start: at, end: at + 1, closed: true };
}

/** Returns the end of a triple-quoted string; -1: it is not closed. */
function tripleQuoteEnd(text: string, from: number, opening: string): number {
  const quote = opening.slice(-3);
  const raw = /r/i.test(opening);
  for (let at = from; ;) {
    const close = text.indexOf(quote, at);
    if (close < 0 || raw) return close < 0 ? close : close + 3;
    const backslash = text.indexOf("\\", at);
    if (backslash < 0 || backslash > close) return close + 3;
    at = backslash + 2;
  }
}

/** Returns all closed expressions of a text in order. Quotes and braces inside an expression do not end it. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  for (let start = text.indexOf("{{"); start >= 0;) {
    const end = expressionEnd(text, start + 2);
    if (end < 0) break;
    spans.push([start, end]);
    start = text.indexOf("{{", end);
  }
  return spans;
}

function expressionEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length;) {
    if (text[at] === "}") {
      if (!depth && text.startsWith("}}", at)) return at + 2;
      depth = Math.max(0, depth - 1);
      at += 1;
      continue;
    }
    // A comment must not swallow the closing brackets.
    if (text.startsWith("//", at)) {
      at += 1;
      continue;
    }
    const token = tokenAt(text, at);
    if (text[at] === "{") depth += 1;
    at = token.end;
  }
  return -1;
}

/** Replaces every `nodes.<from>` inside the text's expressions by `nodes.<to>`. */
export function renameInExpressions(text: string, from: string, to: string): string {
  if (!text.includes("{{") || !text.includes(from)) return text;
  let made = "";
  let at = 0;
  for (const [start, end] of spansOf(text)) {
    made +=
      text.slice(at, start + 2) + renameInCel(text.slice(start + 2, end - 2), from, to) + text.slice(end - 2, end);
    at = end;
  }
  return made + text.slice(at);
}

/** Replaces every `nodes.<from>` of an expression by `nodes.<to>`. */
export function renameInCel(source: string, from: string, to: string): string {
  if (!source.includes(from)) return source;
  const tokens: Token[] = [];
  for (let at = 0; at < source.length;) {
    const token = tokenAt(source, at);
    if (token.kind !== "space") tokens.push(token);
    at = token.end;
  }
  const word = (index: number): string => {
    const token = tokens[index];
    return token ? source.slice(token.start, token.end) : "";
  };
  let made = "";
  let at = 0;
  tokens.forEach((token, index) => {
    if (token.kind !== "name" || word(index) !== "nodes" || word(index - 1) === ".") return;
    const named = tokens[index + 2];
    if (!named) return;
    const text = source.slice(named.start, named.end);
    let replacement: string | null = null;
    if (word(index + 1) === "." && text === from) replacement = to;
    else if (word(index + 1) === "[" && word(index + 3) === "]" && (text === `"${from}"` || text === `'${from}'`))
      replacement = text[0] + to + text[0];
    if (replacement === null) return;
    made += source.slice(at, named.start) + replacement;
    at = named.end;
  });
  return made + source.slice(at);
}
