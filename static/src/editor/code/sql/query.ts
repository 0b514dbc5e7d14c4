/** Reads the queries of a SQL text: their tables, aliases and columns, as far as they are known. Pure. */

import type { Column } from "../../../document/store";
import type { Token } from "./tokens";

export interface Table {
  readonly name: string;
  /** Null: unknown. */
  readonly columns: readonly Column[] | null;
}

/** A table in `from`, under its alias if it has one. */
export interface Source {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly Column[] | null;
  /** Whether it belongs to the innermost query. */
  readonly near: boolean;
}

const CLAUSES = new Set([
  "where",
  "group",
  "order",
  "having",
  "qualify",
  "limit",
  "offset",
  "window",
  "select",
  "union",
  "intersect",
  "except",
  "using",
  "on",
  "set",
  "values",
  "sample",
  "tablesample",
  "pivot",
  "unpivot",
]);
/** Words that end the list of tables; `on` and `using` do not: `on a = b, c`. */
export const ENDS_FROM = new Set([...CLAUSES].filter((word) => word !== "on" && word !== "using"));
const JOINS = new Set([
  "join",
  "left",
  "right",
  "full",
  "inner",
  "outer",
  "cross",
  "natural",
  "semi",
  "anti",
  "asof",
  "positional",
  "lateral",
  "as",
]);
const SPLITS = new Set(["union", "intersect", "except"]);
const BEGINS = new Set(["select", "from", "with", "values"]);
/** Words after which a value is expected. */
export const BEFORE_VALUE = new Set(
  "select distinct all where by and or not in is on when then else case between like ilike having qualify limit offset over using as from join any some exists similar to glob union intersect except with recursive filter partition rows range values interval escape returning lateral".split(
    " ",
  ),
);
const NESTED_MAX = 12;

const isName = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === "name" ||
    (token.kind === "word" && !CLAUSES.has(token.text) && !JOINS.has(token.text) && token.text !== "from"));

export class Query {
  /** The index of the closing bracket for each opening one. */
  private readonly closes = new Map<number, number>();
  /** Text of each token for comparison; empty for quoted names and strings. */
  private readonly texts: string[];

  /** `written`: index of the word being typed, which counts as no name; -1: none. */
  constructor(
    private readonly tokens: readonly Token[],
    private readonly tables: readonly Table[],
    private readonly written: number,
  ) {
    const open: number[] = [];
    this.texts = Array.from<string>({ length: tokens.length });
    for (let at = 0; at < tokens.length; at += 1) {
      const token = tokens[at];
      if (!token) continue;
      const { kind, text } = token;
      this.texts[at] = kind === "name" || kind === "string" || at === written ? "" : text;
      if (kind !== "mark") continue;
      if (text === "(" || text === "[" || text === "{") open.push(at);
      else if (text === ")" || text === "]" || text === "}") {
        const start = open.pop();
        if (start !== undefined) this.closes.set(start, at);
      }
    }
  }

  private closeOf(open: number): number {
    return this.closes.get(open) ?? this.tokens.length;
  }
  private text(at: number): string {
    return this.texts[at] ?? "";
  }
  private isName(at: number): boolean {
    return at !== this.written && isName(this.tokens[at]);
  }
  /** Returns the next token at the same depth. */
  private after(at: number): number {
    const text = this.text(at);
    return text === "(" || text === "[" || text === "{" ? this.closeOf(at) + 1 : at + 1;
  }

  /** Returns the tables that a `with` at `start` defines before the token `before`, the last one first. */
  private withs(start: number, end: number, outer: readonly Table[], before: number, depth: number): Table[] {
    const found: Table[] = [];
    if (this.text(start) !== "with") return found;
    let at = start + 1;
    if (this.text(at) === "recursive") at += 1;
    while (at < end && this.isName(at)) {
      const name = this.tokens[at]?.text ?? "";
      at += 1;
      let names: string[] | null = null;
      if (this.text(at) === "(") {
        names = this.tokens
          .slice(at + 1, this.closeOf(at))
          .filter((token) => token.kind === "word" || token.kind === "name")
          .map((token) => token.text);
        at = this.closeOf(at) + 1;
      }
      while (["as", "not", "materialized"].includes(this.text(at))) at += 1;
      if (this.text(at) !== "(") break;
      const close = this.closeOf(at);
      // Stop at the table whose query is being typed.
      if (at < before && close >= before) break;
      const columns = depth < NESTED_MAX ? this.outputs(at + 1, close, [...found, ...outer], depth + 1) : null;
      found.unshift({
        name,
        columns: names ? names.map((column, place) => ({ name: column, type: columns?.[place]?.type ?? "" })) : columns,
      });
      at = close + 1;
      if (this.text(at) !== ",") break;
      at += 1;
    }
    return found;
  }

  /** Returns the tables named in `[start, end)` at its own depth. */
  private sources(start: number, end: number, made: readonly Table[], depth: number, near: boolean): Source[] {
    const found: Source[] = [];
    let listing = false;
    for (let at = start; at < end; at = this.after(at)) {
      const text = this.text(at);
      if (text === "from" || text === "join") listing = true;
      else if (ENDS_FROM.has(text)) listing = false;
      if (text !== "from" && text !== "join" && text !== ",") continue;
      if (!listing) continue;
      let item = at + 1;
      if (this.text(item) === "lateral") item += 1;
      if (item >= end) break;
      let table = "";
      let columns: readonly Column[] | null = null;
      let next = item;
      if (this.text(item) === "(") {
        next = this.closeOf(item) + 1;
        if (BEGINS.has(this.text(item + 1)) && depth < NESTED_MAX)
          columns = this.outputs(item + 1, this.closeOf(item), made, depth + 1);
      } else if (this.isName(item)) {
        table = this.tokens[item]?.text ?? "";
        next = item + 1;
        while (this.text(next) === "." && this.isName(next + 1)) {
          table = this.tokens[next + 1]?.text ?? "";
          next += 2;
        }
        if (this.text(next) === "(") next = this.closeOf(next) + 1;
        else columns = this.columnsOf(table, made);
      } else continue;
      let name = table;
      const named = this.text(next) === "as" ? next + 1 : next;
      if (named < end && this.isName(named)) {
        name = this.tokens[named]?.text ?? table;
        next = named + 1;
        if (this.text(next) === "(") {
          const names = this.tokens
            .slice(next + 1, this.closeOf(next))
            .filter((token) => token.kind === "word" || token.kind === "name");
          const known = columns;
          columns = names.map((token, place) => ({ name: token.text, type: known?.[place]?.type ?? "" }));
        }
      }
      found.push({ name, table, columns, near });
    }
    return found;
  }

  private columnsOf(table: string, made: readonly Table[]): readonly Column[] | null {
    const low = table.toLowerCase();
    return [...made, ...this.tables].find((one) => one.name.toLowerCase() === low)?.columns ?? null;
  }

  /** Returns the part of `[start, end)` around `at`; `union`, `intersect` and `except` separate parts. */
  private segment(start: number, end: number, at: number): [number, number] {
    let from = start;
    for (let place = start; place < end; place = this.after(place)) {
      if (!SPLITS.has(this.text(place))) continue;
      if (place >= at) return [from, place];
      from = place + 1;
    }
    return [from, end];
  }

  /** Returns the columns of the result of the query in `[start, end)`; null: unknown. */
  private outputs(start: number, end: number, outer: readonly Table[], depth: number): readonly Column[] | null {
    const made = [...this.withs(start, end, outer, this.tokens.length + 1, depth), ...outer];
    const [from, to] = this.segment(start, end, start);
    const sources = this.sources(from, to, made, depth, true);
    return this.selected(from, to, sources);
  }

  private selected(start: number, end: number, sources: readonly Source[]): readonly Column[] | null {
    const known = new Map<string, Column>();
    for (const source of sources)
      for (const column of source.columns ?? [])
        if (!known.has(column.name.toLowerCase())) known.set(column.name.toLowerCase(), column);
    let at = start;
    while (at < end && this.text(at) !== "select") at = this.after(at);
    const all = (): readonly Column[] | null =>
      sources.every((source) => source.columns) ? sources.flatMap((source) => source.columns ?? []) : null;
    if (at >= end) return sources.length ? all() : null;
    at += 1;
    if (this.text(at) === "distinct") {
      at += 1;
      if (this.text(at) === "on") at = this.after(at + 1);
    }
    const found: Column[] = [];
    let part: number[] = [];
    for (; at <= end; at = at === end ? end + 1 : Math.min(end, this.after(at))) {
      const text = at < end ? this.text(at) : "from";
      if (text !== "," && text !== "from" && !CLAUSES.has(text)) {
        part.push(at);
        continue;
      }
      const columns = this.columnsIn(part, sources, known, all);
      if (columns === null) return null;
      found.push(...columns);
      part = [];
      if (text !== ",") break;
    }
    return found;
  }

  private columnsIn(
    part: readonly number[],
    sources: readonly Source[],
    known: ReadonlyMap<string, Column>,
    all: () => readonly Column[] | null,
  ): readonly Column[] | null {
    const [first, second, third] = part;
    if (first === undefined) return [];
    const last = part.at(-1) ?? first;
    if (this.text(first) === "*") {
      const except = part.findIndex((at) => ["exclude", "except"].includes(this.text(at)));
      const list = part[except + 1];
      const gone =
        except < 0 || list === undefined
          ? []
          : this.tokens.slice(list, this.after(list)).map((token) => token.text.toLowerCase());
      return all()?.filter((column) => !gone.includes(column.name.toLowerCase())) ?? null;
    }
    if (third !== undefined && this.text(third) === "*" && second !== undefined && this.text(second) === ".") {
      const low = this.tokens[first]?.text.toLowerCase();
      return sources.find((source) => source.name.toLowerCase() === low)?.columns ?? null;
    }
    const token = last === this.written ? undefined : this.tokens[last];
    if (!token || (token.kind !== "word" && token.kind !== "name")) return [];
    const path = part.every((at, place) =>
      place % 2 ? this.text(at) === "." : ["word", "name"].includes(this.tokens[at]?.kind ?? ""),
    );
    if (path && !part.some((at) => this.text(at) === "as")) {
      return [known.get(token.text.toLowerCase()) ?? { name: token.text, type: "" }];
    }
    if (part.length < 2 || (token.kind === "word" && BEFORE_VALUE.has(token.text)) || token.text === "end") return [];
    const before = part.at(-2) ?? first;
    const simple = part.length === 3 && this.text(before) === "as" ? this.tokens[first] : undefined;
    const type = simple
      ? (known.get(simple.text.toLowerCase())?.type ?? "")
      : this.text(first) === "count"
        ? "BIGINT"
        : "";
    return [{ name: token.text, type }];
  }

  /** Returns everything visible at the token `at`, from the innermost query outward. */
  visible(at: number): { sources: Source[]; made: Table[]; outputs: () => readonly Column[]; start: number } {
    const around: { start: number; end: number }[] = [];
    const open: number[] = [];
    for (let place = 0; place < at && place < this.tokens.length; place += 1) {
      const text = this.text(place);
      if (text === "(" || text === "[" || text === "{") open.push(place);
      else if (text === ")" || text === "]" || text === "}") open.pop();
    }
    around.push({ start: 0, end: this.tokens.length });
    for (const place of open) {
      // An empty bracket holds a query only where a table is expected.
      const begins =
        place + 1 >= at
          ? ["from", "join", "lateral", "as", "materialized"].includes(this.text(place - 1))
          : BEGINS.has(this.text(place + 1));
      if (begins) around.push({ start: place + 1, end: this.closeOf(place) });
    }
    const made: Table[] = [];
    for (const { start, end } of around) made.unshift(...this.withs(start, end, made, at, 0));
    const sources: Source[] = [];
    let outputs = (): readonly Column[] => [];
    let first = 0;
    around.reverse().forEach(({ start, end }, place) => {
      const [from, to] = this.segment(start, end, at);
      const found = this.sources(from, to, made, 0, place === 0 || !sources.length);
      sources.push(...found);
      if (place === 0) {
        first = from;
        outputs = () => this.selected(from, to, found) ?? [];
      }
    });
    return { sources, made, outputs, start: first };
  }
}
