/** Finds and renames tables in DuckDB SQL, by scanning it as text. Pure.
 *
 * A name is changed only where it certainly names the table. Where that is unclear (the name is also an alias or a `with`
 * query, or the new name is in use), the result is null and the caller keeps the old name.
 */

import { isReserved } from "../ids";
import { type Span, spansOf } from "./cel";

const TOKEN =
  /(?<space>\s+|--[^\r\n]*)|(?<comment>\/\*)|(?<string>[eE]'(?:[^'\\]|''|\\[^])*'?|'(?:[^']|'')*'?)|(?<quoted>"(?:[^"]|"")*"?|`(?:[^`]|``)*`?)|(?<dollar>\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$)|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<number>[0-9][\p{L}\p{N}_.$]*)|(?<mark>[^])/uy;

interface Token {
  readonly kind: "string" | "quoted" | "word" | "number" | "mark" | "expression";
  readonly start: number;
  readonly end: number;
  /** The token in lower case; a quoted name without its quotes. */
  readonly value: string;
}

/** Splits SQL into tokens, without comments. */
function tokensOf(sql: string, spans: readonly Span[] = spansOf(sql)): Token[] {
  const tokens: Token[] = [];
  let next = 0;
  for (let at = 0; at < sql.length;) {
    while ((spans[next]?.[0] ?? Infinity) < at) next += 1;
    const span = spans[next];
    if (span?.[0] === at) {
      tokens.push({ kind: "expression", start: at, end: span[1], value: "" });
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
      tokens.push({ kind: "string", start: at, end, value: "" });
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
        value: kind === "quoted" ? text.slice(1, -1).replaceAll('""', '"').toLowerCase() : text.toLowerCase(),
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
/** Words that end a list of tables at their depth. `on` and `using` do not: after their condition a comma and another table
 * may follow. */
const AFTER_TABLES: ReadonlySet<string> = new Set(
  "where group order having limit offset qualify window select union except intersect sample values set returning".split(
    " ",
  ),
);
/** Functions whose arguments may contain the word `from`. */
const FUNCTIONS_WITH_FROM: ReadonlySet<string> = new Set(["extract", "trim", "substring", "overlay", "position"]);

interface Depth {
  /** In a list of tables, where another table follows a comma. */
  inTableList: boolean;
  /** The next name is a table. */
  expectsTable: boolean;
  /** `from` belongs to a function here. */
  inFunction: boolean;
}

interface TableNames {
  /** Tokens that name a table, also as in `load.carrier`. */
  readonly tables: readonly Token[];
  /** Aliases and names of `with` queries. */
  readonly aliases: ReadonlySet<string>;
  /** Tables that are named with a schema; they may be inputs, too. */
  readonly qualified: ReadonlySet<string>;
  /** Text is run as a query or looked up as a table. */
  readonly hasDynamicTables: boolean;
}

function analyse(sql: string): TableNames {
  const tokens = tokensOf(sql);
  const tables: Token[] = [];
  const aliases = new Set<string>();
  const qualified = new Set<string>();
  let hasDynamicTables = false;
  const valueAt = (index: number): string => (tokens[index]?.kind === "string" ? "" : (tokens[index]?.value ?? ""));
  const isName = (index: number): boolean =>
    tokens[index]?.kind === "quoted" || (tokens[index]?.kind === "word" && !isReserved(valueAt(index)));
  const depths: Depth[] = [{ inTableList: false, expectsTable: false, inFunction: false }];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index];
    const here = depths.at(-1);
    if (!token || !here) break;
    const word = token.kind === "word" ? token.value : "";
    if (token.kind === "mark") {
      if (token.value === "(") {
        const before = valueAt(index - 1);
        depths.push({
          inTableList: here.expectsTable,
          expectsTable: here.expectsTable,
          inFunction: FUNCTIONS_WITH_FROM.has(before),
        });
        // After the closing bracket at most an alias follows.
        here.expectsTable = false;
        if (["query", "query_table", "sql_auto_complete"].includes(before)) hasDynamicTables = true;
      } else if (token.value === ")") {
        if (depths.length > 1) depths.pop();
        // `(select ...) load`, `f(x) as load`.
        if (valueAt(index + 1) === "as" && isName(index + 2)) aliases.add(valueAt(index + 2));
        else if (isName(index + 1)) aliases.add(valueAt(index + 1));
      } else if (token.value === "," && here.inTableList) here.expectsTable = true;
      continue;
    }
    if (valueAt(index + 1) === "." && isName(index) && valueAt(index - 1) !== ".") {
      // A qualifier, or a schema before its table.
      if (!here.expectsTable) tables.push(token);
      else {
        let last = index;
        while (valueAt(last + 1) === "." && isName(last + 2)) last += 2;
        qualified.add(valueAt(last));
      }
      here.expectsTable = false;
      continue;
    }
    if (valueAt(index - 1) === ".") {
      here.expectsTable = false;
      continue;
    }
    if (
      word === "from" &&
      (here.inFunction ||
        (valueAt(index - 1) === "distinct" &&
          (valueAt(index - 2) === "is" || (valueAt(index - 2) === "not" && valueAt(index - 3) === "is"))))
    )
      continue;
    if (BEFORE_TABLE.has(word) && (word === "from" || word === "join" || !isAliased(valueAt(index - 1)))) {
      if (word === "from" || word === "join" || isName(index + 1) || valueAt(index + 1) === "(") {
        here.expectsTable = true;
        here.inTableList = true;
        continue;
      }
    }
    if (word && AFTER_TABLES.has(word)) {
      here.inTableList = false;
      here.expectsTable = false;
      continue;
    }
    if (here.expectsTable) {
      if (word === "lateral") continue;
      here.expectsTable = false;
      // A name before a bracket is a table function.
      if (!isName(index) || valueAt(index + 1) === "(") continue;
      tables.push(token);
      // `load as l`, `load l`, but not the start of a join.
      if (valueAt(index + 1) === "as" && isName(index + 2)) aliases.add(valueAt(index + 2));
      else if (isName(index + 1) && !startsJoin(valueAt(index + 1), valueAt(index + 2)))
        aliases.add(valueAt(index + 1));
      continue;
    }
    // `with load as (`, `with load(a, b) as (`, `with load as materialized (`.
    if (
      isName(index) &&
      (valueAt(index - 1) === "with" ||
        valueAt(index - 1) === "recursive" ||
        valueAt(index - 1) === "," ||
        valueAt(index - 1) === ")")
    ) {
      const after = valueAt(index + 1) === "(" ? closingBracket(tokens, index + 1) + 1 : index + 1;
      if (valueAt(after) === "as" && (valueAt(after + 1) === "(" || /^(not|materialized)$/.test(valueAt(after + 1))))
        aliases.add(token.value);
    }
  }
  return { tables, aliases: aliases, qualified, hasDynamicTables: hasDynamicTables };
}

const isAliased = (before: string): boolean => before === "as" || before === ".";
const startsJoin = (word: string, next: string): boolean =>
  /^(join|left|right|full|inner|cross|natural|asof|semi|anti|positional|at|tablesample|on|using|pivot|unpivot)$/.test(
    word,
  ) &&
  (word !== "at" || next === "(");

function closingBracket(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    if (tokens[index]?.kind !== "mark") continue;
    if (tokens[index]?.value === "(") depth += 1;
    else if (tokens[index]?.value === ")") {
      depth -= 1;
      if (!depth) return index;
    }
  }
  return tokens.length;
}

/** Returns whether the query may read the table. */
export function mayReadTable(sql: string, name: string): boolean {
  if (!sql.toLowerCase().includes(name)) return false;
  const { tables, qualified, hasDynamicTables } = analyse(sql);
  return hasDynamicTables || qualified.has(name) || tables.some((token) => token.value === name);
}

/** Renames a table in the query; null: it is unclear what the name means. */
export function renameTable(sql: string, from: string, to: string): string | null {
  if (!sql.toLowerCase().includes(from)) return sql;
  const { tables, aliases, qualified, hasDynamicTables } = analyse(sql);
  const named = tables.filter((token) => token.value === from);
  if (hasDynamicTables || qualified.has(from) || qualified.has(to)) return null;
  if (!named.length) return sql;
  if (aliases.has(from) || aliases.has(to) || tables.some((token) => token.value === to)) return null;
  let made = "";
  let at = 0;
  for (const token of named) {
    made += sql.slice(at, token.start) + (token.kind === "quoted" || isReserved(to) ? `"${to}"` : to);
    at = token.end;
  }
  return made + sql.slice(at);
}
