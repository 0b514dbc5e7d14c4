/** Finds what can be named at a position in SQL: the tables of the queries around it, with aliases and columns. Pure. */

import type { Column } from "../../../document/store";
import { BEFORE_VALUE, ENDS_FROM, Query, type Source, type Table } from "./query";
import { type Token, tokenize } from "./tokens";

type PlaceKind =
  /** Inside a string or comment, or where a new name is defined. */
  | "nothing"
  | "table"
  | "type"
  /** Behind a dot. */
  | "member"
  /** Behind a complete value. */
  | "after"
  | "value";

export interface SqlPlace {
  readonly kind: PlaceKind;
  /** Start of the word at the cursor. */
  readonly from: number;
  readonly word: string;
  /** Whether the word has an opening quote. */
  readonly inQuotes: boolean;
  readonly qualifier: string;
  readonly sources: readonly Source[];
  /** Tables defined by `with` that are visible here. */
  readonly made: readonly Table[];
  /** Columns that the select list defines, for clauses that may use them. */
  readonly outputs: () => readonly Column[];
  /** The keyword right before; empty: none. */
  readonly keyword: string;
  /** Whether the text writes keywords in capitals. */
  readonly capitals: boolean;
  /** Whether the word is the first of its query. */
  readonly first: boolean;
}

const WINDOW = 60_000;
/** How many tokens decide whether keywords are written in capitals. */
const CASE_TOKENS = 200;

/** Returns the index of the bracket that is open at token `at`; -1: none. */
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
      // `extract(year from x)` and `trim(x from y)` name no table.
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
  // Of a very long text only the part around the cursor is read.
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
    .slice(0, CASE_TOKENS)
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
