/** Completion of SQL: tables by their ports, columns of the tables in `from`, functions and keywords. */

import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { gettext } from "../../../words/i18n";
import type { Scope } from "../options";
import { around, unlessWhole } from "../offers";
import type { Source, Table } from "./query";
import { type SqlPlace, sqlPlace } from "./scope";
import { FUNCTIONS, KEYWORDS, quoted, type SqlFunction, TYPE_OPTIONS } from "./words";

/** Keywords that start a value. */
const VALUE_WORDS = new Set([
  "distinct",
  "case",
  "not",
  "exists",
  "cast",
  "try_cast",
  "interval",
  "true",
  "false",
  "null",
  "columns",
  "extract",
  "unnest",
  "select",
  "from",
  "with",
  "with recursive",
  "values",
  "all",
  "any",
  "date",
  "timestamp",
  "by name",
  "order by",
  "when",
  "then",
  "else",
  "end",
  "distinct on",
]);
const FIRST_WORDS = new Set(["select", "from", "with", "with recursive", "values"]);
/** Keywords that usually follow a table; these are offered first. */
const AFTER_BOOST: Readonly<Record<string, number>> = {
  from: 6,
  where: 6,
  join: 5,
  "group by": 5,
  "order by": 5,
  as: 4,
  on: 4,
  and: 4,
  using: 3,
  "left join": 3,
  limit: 3,
  or: 2,
  desc: 2,
  having: 2,
};

const functions = (list: readonly SqlFunction[], boost: number): Completion[] =>
  list.map(({ name, args, gives, kind }) => ({
    label: name,
    displayLabel: `${name}${args}`,
    detail: gives,
    type: "function",
    boost: boost + (kind === "aggregate" ? 1 : 0),
    apply: args === "()" ? `${name}()` : args === "" ? name : around(`${name}(`, ")"),
  }));

const VALUES: readonly Completion[] = functions(
  FUNCTIONS.filter((each) => each.kind !== "table"),
  -5,
);
const TABLE_FUNCTIONS: readonly Completion[] = functions(
  FUNCTIONS.filter((each) => each.kind === "table"),
  -5,
);

function keyword(word: string, place: SqlPlace, boost: number): Completion {
  const capitals = place.capitals || /^[A-Z]{2,}/.test(place.word);
  return { label: capitals ? word.toUpperCase() : word, type: "keyword", boost };
}

function keywords(place: SqlPlace): Completion[] {
  if (place.first) return KEYWORDS.filter((word) => FIRST_WORDS.has(word)).map((word) => keyword(word, place, 20));
  if (place.kind === "after")
    return KEYWORDS.filter((word) => !FIRST_WORDS.has(word) || word === "from" || word === "select").map((word) =>
      keyword(word, place, AFTER_BOOST[word] ?? 0),
    );
  return KEYWORDS.filter((word) => VALUE_WORDS.has(word)).map((word) => keyword(word, place, -8));
}

function tableOptions(tables: readonly Table[], boost: number): Completion[] {
  return tables.map(({ name, columns }) => ({
    label: name,
    apply: quoted(name),
    type: "table",
    detail: columns ? columnCount(columns.length) : "",
    boost,
  }));
}

const columnCount = (n: number): string => `${n} ${n === 1 ? gettext("column") : gettext("columns")}`;

/** `order`: position among its kind, so that columns stay in the order of their table. */
const columnOption = (
  name: string,
  type: string,
  owner: string,
  insert: string,
  boost: number,
  order: number,
): Completion => ({
  label: name,
  sortText: `!${String(order).padStart(5, "0")}`,
  ...(insert === quoted(name) ? {} : { displayLabel: insert }),
  apply: insert,
  type: "column",
  detail: [type, owner].filter(Boolean).join(" · "),
  boost,
});

function columns(sources: readonly Source[], tables: readonly Table[], plain: boolean): Completion[] {
  // Before there is a `from`, the columns of all tables.
  const shown: readonly Source[] = sources.length
    ? sources
    : tables.map(({ name, columns: list }) => ({ name, table: name, columns: list, near: true }));
  const counts = new Map<string, number>();
  if (sources.length)
    for (const source of shown)
      if (source.near) for (const { name } of source.columns ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  const several = shown.length > 1;
  const found: Completion[] = [];
  const seen = new Set<string>();
  for (const source of shown) {
    for (const { name, type } of source.columns ?? []) {
      const twice = !plain && (counts.get(name) ?? 0) > 1 && source.name !== "";
      const insert = twice ? `${quoted(source.name)}.${quoted(name)}` : quoted(name);
      if (seen.has(insert)) continue;
      seen.add(insert);
      found.push(columnOption(name, type, several ? source.name : "", insert, source.near ? 12 : 8, found.length));
    }
  }
  return found;
}

/** Offers `a.id = b.id` for each column that the joined table shares with the tables before it. */
function joins(sources: readonly Source[]): Completion[] {
  const near = sources.filter((source) => source.near);
  const last = near.at(-1);
  if (!last) return [];
  const found: Completion[] = [];
  for (const source of near.slice(0, -1)) {
    for (const { name } of source.columns ?? []) {
      if (!last.columns?.some((column) => column.name === name)) continue;
      const text = `${quoted(source.name)}.${quoted(name)} = ${quoted(last.name)}.${quoted(name)}`;
      found.push({ label: text, type: "column", boost: 30 });
    }
  }
  return found;
}

function optionsAt(place: SqlPlace, tables: readonly Table[]): readonly Completion[] {
  switch (place.kind) {
    case "nothing":
      return [];
    case "type":
      return TYPE_OPTIONS.map((name) => ({ label: place.capitals ? name.toUpperCase() : name, type: "type" }));
    case "table":
      return [
        ...tableOptions(place.made, 12),
        ...tableOptions(tables, 10),
        ...TABLE_FUNCTIONS,
        keyword("lateral", place, -8),
        keyword("select", place, -8),
      ];
    case "member": {
      const low = place.qualifier.toLowerCase();
      const owner =
        place.sources.find((source) => source.name.toLowerCase() === low) ??
        (place.sources.length
          ? undefined
          : tables
              .map((table) => ({ ...table, table: table.name, near: true }))
              .find((table) => table.name.toLowerCase() === low));
      return (owner?.columns ?? []).map(({ name, type }, order) =>
        columnOption(name, type, "", quoted(name), 0, order),
      );
    }
    case "after":
      return keywords(place);
    default: {
      if (place.first) return keywords(place);
      const plain = place.keyword === "using";
      const seen = new Set(
        place.sources.flatMap((source) => (source.columns ?? []).map(({ name }) => name.toLowerCase())),
      );
      return [
        ...(place.keyword === "on" ? joins(place.sources) : []),
        ...columns(place.sources, tables, plain),
        ...(["by", "having", "where", "and", "or"].includes(place.keyword)
          ? place
              .outputs()
              .filter(({ name }) => !seen.has(name.toLowerCase()))
              .map(({ name, type }, order) => columnOption(name, type, gettext("select list"), quoted(name), 9, order))
          : []),
        ...place.sources
          .filter((source) => source.name)
          .map(({ name, table }) => ({
            label: name,
            apply: quoted(name),
            type: "table",
            detail: table === name ? "" : table,
            boost: 4,
          })),
        ...VALUES,
        ...keywords(place),
      ];
    }
  }
}

/** Returns what is offered at a position; null: nothing. */
export function sqlOptions(text: string, at: number, scope: Scope, explicit: boolean): CompletionResult | null {
  const tables: Table[] = scope.inputs
    .filter((input) => input.kind !== "json")
    .map(({ port, columns: list }) => ({ name: port, columns: list }));
  const place = sqlPlace(text, at, tables);
  const opened =
    place.word !== "" ||
    place.kind === "member" ||
    (/\s$/.test(text.slice(0, at)) && (place.kind === "table" || place.keyword === "on"));
  if (!explicit && !opened) return null;
  let options = optionsAt(place, tables);
  if (place.inQuotes) {
    // Replace the open quote as well.
    options = options
      .filter(({ type }) => type === "column" || type === "table")
      .map((option) => ({
        ...option,
        label: `"${option.label}"`,
        displayLabel: option.label,
        apply: `"${option.label.replaceAll('"', '""')}"`,
      }));
  }
  if (!options.length) return null;
  return unlessWhole({ from: place.from, options }, place.word, explicit);
}

export const sqlSource =
  (scope: () => Scope): CompletionSource =>
  (context: CompletionContext) =>
    sqlOptions(context.state.doc.toString(), context.pos, scope(), context.explicit);
