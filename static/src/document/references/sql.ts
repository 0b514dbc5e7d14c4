/** Names of tables in DuckDB SQL, read as text. Pure.
 *
 * A name is changed only where it can be told that it names the table. Where it cannot (the name is an alias or a
 * `with` query too, the new name has a meaning there already), the answer is null: whoever asks keeps the old name.
 */

import { isReserved } from "../ids";
import { type Span, spansOf } from "./cel";

const TOKEN =
  /(?<space>\s+|--[^\r\n]*)|(?<comment>\/\*)|(?<string>[eE]'(?:[^'\\]|''|\\[^])*'?|'(?:[^']|'')*'?)|(?<quoted>"(?:[^"]|"")*"?|`(?:[^`]|``)*`?)|(?<dollar>\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$)|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<number>[0-9][\p{L}\p{N}_.$]*)|(?<mark>[^])/uy;

interface Token {
  readonly kind: "string" | "quoted" | "word" | "number" | "mark" | "expression";
  readonly start: number;
  readonly end: number;
  /** A name without its quotes, in small letters; a mark or word as it stands, in small letters. */
  readonly says: string;
}

/** Names inside a comment are no references: comments are left out. */
export function tokensOf(sql: string, spans: readonly Span[] = spansOf(sql)): Token[] {
  const tokens: Token[] = [];
  let next = 0;
  for (let at = 0; at < sql.length;) {
    while ((spans[next]?.[0] ?? Infinity) < at) next += 1;
    const span = spans[next];
    if (span && span[0] === at) {
      tokens.push({ kind: "expression", start: at, end: span[1], says: "" });
      at = span[1];
      continue;
    }
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(sql);
    const groups = found?.groups ?? {};
    let end = at + Math.max(1, found?.[0].length ?? 1);
    const text = sql.slice(at, end);
    if (groups["comment"] !== undefined) end = commentEnd(sql, end);
    else if (groups["dollar"] !== undefined) {
      const close = sql.indexOf(text, end);
      end = close < 0 ? sql.length : close + text.length;
      tokens.push({ kind: "string", start: at, end, says: "" });
    } else if (groups["space"] === undefined) {
      const kind =
        groups["string"] !== undefined
          ? "string"
          : groups["quoted"] !== undefined
            ? "quoted"
            : groups["word"] !== undefined
              ? "word"
              : groups["number"] !== undefined
                ? "number"
                : "mark";
      tokens.push({
        kind,
        start: at,
        end,
        says: kind === "quoted" ? text.slice(1, -1).replaceAll('""', '"').toLowerCase() : text.toLowerCase(),
      });
    }
    at = end;
  }
  return tokens;
}

function commentEnd(sql: string, from: number): number {
  let depth = 1;
  for (let at = from; at < sql.length; at += 1) {
    if (sql.startsWith("/*", at)) depth += 1;
    else if (sql.startsWith("*/", at)) depth -= 1;
    else continue;
    at += 1;
    if (!depth) return at + 1;
  }
  return sql.length;
}

const BEFORE_TABLE: ReadonlySet<string> = new Set([
  "from",
  "join",
  "pivot",
  "pivot_wider",
  "unpivot",
  "pivot_longer",
  "summarize",
  "describe",
  "table",
]);
/** What ends a list of tables at its depth. `on` and `using` do not: a comma after their condition brings the next table. */
const AFTER_TABLES: ReadonlySet<string> = new Set(
  "where group order having limit offset qualify window select union except intersect sample values set returning".split(
    " ",
  ),
);
/** Functions in whose brackets `from` is a word of theirs. */
const FROM_INSIDE: ReadonlySet<string> = new Set(["extract", "trim", "substring", "overlay", "position"]);

interface Depth {
  /** In a list of tables, where a comma brings the next one. */
  tables: boolean;
  /** The next name is a table. */
  expects: boolean;
  /** `from` is a word of a function here. */
  inside: boolean;
}

interface Found {
  /** Tokens that name a table, also as in `load.carrier`. */
  readonly tables: readonly Token[];
  /** Names that the query gives by itself: aliases and `with` queries. */
  readonly given: ReadonlySet<string>;
  /** Tables that are named with their schema, which may be inputs all the same. */
  readonly qualified: ReadonlySet<string>;
  /** Texts that are run as a query or looked up as a table. */
  readonly hidden: boolean;
}

function look(sql: string): Found {
  const tokens = tokensOf(sql);
  const tables: Token[] = [];
  const given = new Set<string>();
  const qualified = new Set<string>();
  let hidden = false;
  const says = (index: number): string => (tokens[index]?.kind === "string" ? "" : (tokens[index]?.says ?? ""));
  const isName = (index: number): boolean =>
    tokens[index]?.kind === "quoted" || (tokens[index]?.kind === "word" && !isReserved(says(index)));
  const depths: Depth[] = [{ tables: false, expects: false, inside: false }];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index];
    const here = depths.at(-1);
    if (!token || !here) break;
    const word = token.kind === "word" ? token.says : "";
    if (token.kind === "mark") {
      if (token.says === "(") {
        const before = says(index - 1);
        depths.push({ tables: here.expects, expects: here.expects, inside: FROM_INSIDE.has(before) });
        // What comes after the closing bracket is an alias at most.
        here.expects = false;
        if (["query", "query_table", "sql_auto_complete"].includes(before)) hidden = true;
      } else if (token.says === ")") {
        if (depths.length > 1) depths.pop();
        // `(select ...) load`, `f(x) as load`.
        if (says(index + 1) === "as" && isName(index + 2)) given.add(says(index + 2));
        else if (isName(index + 1)) given.add(says(index + 1));
      } else if (token.says === "," && here.tables) here.expects = true;
      continue;
    }
    if (says(index + 1) === "." && isName(index) && says(index - 1) !== ".") {
      // A qualifier, or a schema before its table.
      if (!here.expects) tables.push(token);
      else {
        let last = index;
        while (says(last + 1) === "." && isName(last + 2)) last += 2;
        qualified.add(says(last));
      }
      here.expects = false;
      continue;
    }
    if (says(index - 1) === ".") {
      here.expects = false;
      continue;
    }
    if (
      word === "from" &&
      (here.inside ||
        (says(index - 1) === "distinct" &&
          (says(index - 2) === "is" || (says(index - 2) === "not" && says(index - 3) === "is"))))
    )
      continue;
    if (BEFORE_TABLE.has(word) && (word === "from" || word === "join" || !isAliased(says(index - 1)))) {
      if (word === "from" || word === "join" || isName(index + 1) || says(index + 1) === "(") {
        here.expects = true;
        here.tables = true;
        continue;
      }
    }
    if (word && AFTER_TABLES.has(word)) {
      here.tables = false;
      here.expects = false;
      continue;
    }
    if (here.expects) {
      if (word === "lateral") continue;
      here.expects = false;
      // A name before a bracket is a function of tables.
      if (!isName(index) || says(index + 1) === "(") continue;
      tables.push(token);
      // `load as l`, `load l`; the words of joins are reserved or stand before one.
      if (says(index + 1) === "as" && isName(index + 2)) given.add(says(index + 2));
      else if (isName(index + 1) && !joins(says(index + 1), says(index + 2))) given.add(says(index + 1));
      continue;
    }
    // `with load as (`, `with load(a, b) as (`, `with load as materialized (`.
    if (
      isName(index) &&
      (says(index - 1) === "with" ||
        says(index - 1) === "recursive" ||
        says(index - 1) === "," ||
        says(index - 1) === ")")
    ) {
      const after = says(index + 1) === "(" ? closing(tokens, index + 1) + 1 : index + 1;
      if (says(after) === "as" && (says(after + 1) === "(" || /^(not|materialized)$/.test(says(after + 1))))
        given.add(token.says);
    }
  }
  return { tables, given, qualified, hidden };
}

const isAliased = (before: string): boolean => before === "as" || before === ".";
const joins = (word: string, next: string): boolean =>
  /^(join|left|right|full|inner|cross|natural|asof|semi|anti|positional|at|tablesample|on|using|pivot|unpivot)$/.test(
    word,
  ) &&
  (word !== "at" || next === "(");

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    if (tokens[index]?.kind !== "mark") continue;
    if (tokens[index]?.says === "(") depth += 1;
    else if (tokens[index]?.says === ")") {
      depth -= 1;
      if (!depth) return index;
    }
  }
  return tokens.length;
}

/** Whether the query may read the table. */
export function namesTable(sql: string, name: string): boolean {
  if (!sql.toLowerCase().includes(name)) return false;
  const { tables, qualified, hidden } = look(sql);
  return hidden || qualified.has(name) || tables.some((token) => token.says === name);
}

/** The query with table `from` as `to`; null when it cannot be told what it names. */
export function renameTable(sql: string, from: string, to: string): string | null {
  if (!sql.toLowerCase().includes(from)) return sql;
  const { tables, given, qualified, hidden } = look(sql);
  const named = tables.filter((token) => token.says === from);
  if (hidden || qualified.has(from) || qualified.has(to)) return null;
  if (!named.length) return sql;
  if (given.has(from) || given.has(to) || tables.some((token) => token.says === to)) return null;
  let made = "";
  let at = 0;
  for (const token of named) {
    made += sql.slice(at, token.start) + (token.kind === "quoted" || isReserved(to) ? `"${to}"` : to);
    at = token.end;
  }
  return made + sql.slice(at);
}
