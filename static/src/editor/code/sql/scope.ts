/** What can be named at a place in SQL: the tables of the query around it with their aliases and columns. Pure. */

import type { Column } from "../../../document/store";
import { type Token, tokenize } from "./tokens";

export interface Table {
  readonly name: string;
  /** Null: not known. */
  readonly columns: readonly Column[] | null;
}

/** A table as the query names it: by its alias where it has one. */
export interface Source {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly Column[] | null;
  /** Of the innermost query, not one around it. */
  readonly near: boolean;
}

export type PlaceKind =
  /** Inside a text, a comment, or where a new name is made. */
  | "nothing"
  | "table"
  | "type"
  /** Behind a point. */
  | "member"
  /** After something that is a value already. */
  | "after"
  | "value";

export interface SqlPlace {
  readonly kind: PlaceKind;
  /** Start of the word at the cursor. */
  readonly from: number;
  readonly word: string;
  /** The word has an opening quote. */
  readonly inQuotes: boolean;
  readonly qualifier: string;
  readonly sources: readonly Source[];
  /** Names made by `with` and visible here. */
  readonly made: readonly Table[];
  /** Names that the select list makes, where they can be read. */
  readonly outputs: () => readonly Column[];
  /** The keyword before, when nothing else stands between. */
  readonly keyword: string;
  /** Keywords are written in capitals. */
  readonly capitals: boolean;
  /** Nothing but space and comments is before it in this query. */
  readonly first: boolean;
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
/** `on a = b, c`: the comma still lists tables. */
const ENDS_FROM = new Set([...CLAUSES].filter((word) => word !== "on" && word !== "using"));
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
const BEFORE_VALUE = new Set(
  "select distinct all where by and or not in is on when then else case between like ilike having qualify limit offset over using as from join any some exists similar to glob union intersect except with recursive filter partition rows range values interval escape returning lateral".split(
    " ",
  ),
);
const NESTED_MAX = 12;
const WINDOW = 60_000;
/** So many pieces tell whether keywords are written in capitals. */
const LOOKED_AT = 200;

const isName = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === "name" ||
    (token.kind === "word" && !CLAUSES.has(token.text) && !JOINS.has(token.text) && token.text !== "from"));

class Query {
  /** Place of the closing bracket for each opening one; the end where it is missing. */
  private readonly closes = new Map<number, number>();
  /** Words and marks as they are compared; empty for names and texts in quotes. */
  private readonly texts: string[];

  /** `written`: place of the word that is being written, which is no alias and no column of what is around it; -1: none. */
  constructor(
    private readonly tokens: readonly Token[],
    private readonly tables: readonly Table[],
    private readonly written: number,
  ) {
    const open: number[] = [];
    this.texts = new Array<string>(tokens.length);
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
  /** Next token at the same depth. */
  private after(at: number): number {
    const text = this.text(at);
    return text === "(" || text === "[" || text === "{" ? this.closeOf(at) + 1 : at + 1;
  }

  /** Names made by a `with` at `start`, those of which the cursor is not a part first. */
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
      // Of what comes later, or is being written, nothing is known.
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

  /** Tables named in `[start, end)`, at its own depth. */
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

  /** Parts of the segment of `[start, end)` in which `at` is: `union` and the like divide it. */
  private segment(start: number, end: number, at: number): [number, number] {
    let from = start;
    for (let place = start; place < end; place = this.after(place)) {
      if (!SPLITS.has(this.text(place))) continue;
      if (place >= at) return [from, place];
      from = place + 1;
    }
    return [from, end];
  }

  /** Columns that the query in `[start, end)` gives; null: not known. */
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

  /** Everything that is visible at the token `at`, from the innermost query outward. */
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
      // In an empty bracket a query begins where a table belongs; else it is a function's or holds a value.
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

/** The bracket that is open at token `at`; -1: none. */
function openBefore(tokens: readonly Token[], at: number): number {
  let depth = 0;
  for (let place = at - 1; place >= 0; place -= 1) {
    const token = tokens[place];
    if (token?.kind !== "mark") continue;
    if (token.text === ")" || token.text === "]") depth += 1;
    else if (token.text === "(" || token.text === "[") {
      if (!depth) return place;
      depth -= 1;
    }
  }
  return -1;
}

function inFrom(tokens: readonly Token[], at: number): boolean {
  let depth = 0;
  for (let place = at - 1; place >= 0; place -= 1) {
    const token = tokens[place];
    if (!token) return false;
    if (token.kind === "mark" && (token.text === ")" || token.text === "]")) depth += 1;
    else if (token.kind === "mark" && (token.text === "(" || token.text === "[")) {
      if (!depth) return false;
      depth -= 1;
    } else if (!depth && token.kind === "word") {
      if (token.text === "from" || token.text === "join") return true;
      if (ENDS_FROM.has(token.text)) return false;
    }
  }
  return false;
}

function kindAt(tokens: readonly Token[], at: number): PlaceKind {
  const before = tokens[at - 1];
  const earlier = tokens[at - 2];
  if (!before) return "value";
  const value = (token: Token | undefined): boolean =>
    token !== undefined &&
    (["name", "string", "number", "expression"].includes(token.kind) ||
      (token.kind === "word" ? !BEFORE_VALUE.has(token.text) : token.text === ")" || token.text === "]"));
  if (before.kind === "mark") {
    if (before.text === ".") return "member";
    if (before.text === "::") return "type";
    if (before.text === "," && inFrom(tokens, at)) return "table";
    if (before.text === "*" && (!earlier || !value(earlier))) return "after";
    return before.text === ")" || before.text === "]" ? "after" : "value";
  }
  if (before.kind === "word") {
    if (before.text === "from") {
      // Not the `from` of `extract(year from x)` and `trim(x from y)`.
      const open = openBefore(tokens, at);
      return ["extract", "trim", "substring", "overlay"].includes(tokens[open - 1]?.text ?? "") ? "value" : "table";
    }
    if (before.text === "join") return "table";
    if (before.text === "as") {
      const open = openBefore(tokens, at);
      return ["cast", "try_cast"].includes(tokens[open - 1]?.text ?? "") ? "type" : "nothing";
    }
    if (before.text === "with" || before.text === "recursive") return "nothing";
  }
  return value(before) ? "after" : "value";
}

export function sqlPlace(whole: string, cursor: number, tables: readonly Table[]): SqlPlace {
  // Of a very long text, only what is around the cursor is read.
  const cut = whole.length > 2 * WINDOW ? Math.max(0, cursor - WINDOW) : 0;
  const sql = whole.length > 2 * WINDOW ? whole.slice(cut, cursor + WINDOW) : whole;
  const at = cursor - cut;
  const every = tokenize(sql);
  const nothing: SqlPlace = {
    kind: "nothing",
    from: cursor,
    word: "",
    inQuotes: false,
    qualifier: "",
    sources: [],
    made: [],
    outputs: () => [],
    keyword: "",
    capitals: false,
    first: false,
  };
  const touched = every.find(
    (token) =>
      token.start < at &&
      (at < token.end ||
        (at === token.end &&
          (token.kind === "word" ||
            !token.closed ||
            (token.kind === "comment" && token.text.startsWith("--")) ||
            token.kind === "number"))),
  );
  if (touched && ["string", "comment", "number", "expression"].includes(touched.kind)) return nothing;
  const tokens = every.filter((token) => token.kind !== "comment");
  const word = touched && (touched.kind === "word" || touched.kind === "name") ? touched : null;
  const index = word ? tokens.indexOf(word) : tokens.findIndex((token) => token.start >= at);
  const place = index < 0 ? tokens.length : index;
  const kind = kindAt(tokens, place);
  const { sources, made, outputs, start } = new Query(tokens, tables, word ? place : -1).visible(place);
  const before = tokens[place - 1];
  const owner = kind === "member" ? tokens[place - 2] : undefined;
  const keywords = tokens
    .slice(0, LOOKED_AT)
    .filter((token) => token !== word && token.kind === "word" && BEFORE_VALUE.has(token.text));
  return {
    kind,
    from: cut + (word ? word.start : at),
    word: word ? sql.slice(word.start, at) : "",
    inQuotes: word?.kind === "name",
    qualifier: owner && (owner.kind === "word" || owner.kind === "name") ? owner.text : "",
    sources,
    made,
    outputs,
    keyword:
      tokens[openBefore(tokens, place) - 1]?.text === "using" ? "using" : before?.kind === "word" ? before.text : "",
    capitals: keywords.length > 0 && keywords.every((token) => /^[A-Z]/.test(sql.charAt(token.start))),
    first: place <= start || place === 0,
  };
}
