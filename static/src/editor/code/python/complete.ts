/** Completion of a node's Python: its inputs and their columns, `ctx`, names from the code, and Python's own. */

import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { fill, gettext, ngettext } from "../../../words/i18n";
import type { Scope, ScopeInput } from "../options";
import { around, block, closing, unlessWhole } from "../offers";
import { PYTHON_KEYWORDS } from "./language";
import { pythonNames } from "./names";

const member = (
  label: string,
  args: string,
  detail: string,
  info: string,
  type = args ? "method" : "expression",
): Completion => ({
  label,
  displayLabel: label + args,
  detail,
  info,
  type,
  ...(args === "()" ? { apply: `${label}()` } : args ? { apply: around(`${label}(`, ")") } : {}),
});

/** Members of a table input: `Table` in `engine/worker/table.py`. */
const tableMembers = (): Completion[] => [
  {
    ...member("rows", "(n=None)", "list[dict]", gettext("The first n rows, or all, as dicts keyed by column.")),
    apply: around("rows(", ")"),
    boost: 9,
  },
  {
    ...member(
      "relation",
      "()",
      "DuckDBPyRelation",
      gettext("A DuckDB relation. duckdb.sql can refer to it by its variable name."),
    ),
    boost: 8,
  },
  {
    ...member("df", "()", "DataFrame", gettext("A pandas DataFrame. pandas must be installed where nodes run.")),
    boost: 7,
  },
  {
    ...member("arrow", "()", "pyarrow.Table", gettext("An Arrow table. pyarrow must be installed where nodes run.")),
    boost: 6,
  },
  { ...member("row_count", "", "int", gettext("Number of rows.")), boost: 5 },
  { ...member("schema", "", "list[dict]", gettext("Columns as {name, type}, with DuckDB types.")), boost: 4 },
  {
    ...member("path", "", "str", gettext("The Parquet file. Do not modify it; other nodes share it.")),
    boost: 3,
  },
];

/** Members of `ctx`: `engine/worker/context.py`. */
const contextMembers = (): Completion[] => [
  {
    ...member(
      "log",
      '(message, level="info")',
      "",
      gettext("Writes a line to the log. level: debug, info, warning or error."),
    ),
    boost: 9,
  },
  {
    ...member(
      "progress",
      "(fraction, message=None)",
      "",
      gettext("Reports progress from 0 to 1, or None if unknown, and a short message."),
    ),
    boost: 8,
  },
  { ...member("run", "", "dict", gettext("The run: id, workflow, version, inputs.")), boost: 7 },
  { ...member("node", "", "str", gettext("ID of this node.")), boost: 6 },
  { ...member("attempt", "", "int", gettext("Number of this attempt, from 1.")), boost: 5 },
  {
    ...member("SoftTimeout", "", "Exception", gettext("Raised when the soft time limit is reached."), "type"),
    boost: 4,
  },
];

const MODULES =
  "collections contextlib csv dataclasses datetime decimal duckdb enum functools glob gzip hashlib io itertools json logging math os pathlib random re shutil statistics string subprocess sys tempfile time traceback typing urllib.request uuid zipfile zoneinfo".split(
    " ",
  );
const VALUES = "True False None".split(" ");
const TYPES =
  "bool bytearray bytes complex dict float frozenset int list memoryview object range set slice str tuple type".split(
    " ",
  );
const FUNCTIONS =
  "abs all any ascii bin callable chr divmod enumerate filter format getattr hasattr hash hex id isinstance issubclass iter len map max min next oct open ord pow print repr reversed round setattr sorted sum super vars zip".split(
    " ",
  );
const ERRORS =
  "ArithmeticError AssertionError AttributeError Exception FileExistsError FileNotFoundError ImportError IndexError KeyError LookupError MemoryError NameError NotImplementedError OSError OverflowError PermissionError RecursionError RuntimeError StopIteration TimeoutError TypeError UnicodeDecodeError UnicodeError ValueError Warning ZeroDivisionError".split(
    " ",
  );
/** Methods of a relation whose arguments are SQL. */
const SQL_ARGUMENT =
  /\.(?:filter|project|select|aggregate|order|sort|query|sql|execute|join|unique|sum|avg|min|max|count|apply)\(\s*(?:[^()]*,\s*)?[fr]?$/;

const kindText = ({ kind, columns }: ScopeInput): string =>
  kind === "table"
    ? columns
      ? fill(ngettext("table · {n} column", "table · {n} columns", columns.length), { n: columns.length })
      : gettext("table")
    : kind === "json"
      ? gettext("value")
      : "";

const ports = (scope: Scope, quote: string): Completion[] =>
  scope.inputs.map((input) => ({
    label: `${quote}${input.port}${quote}`,
    displayLabel: input.port,
    detail: kindText(input),
    type: "table",
  }));

/** Offers the columns of one input, or of all. */
function columns(scope: Scope, of: ScopeInput | null, before: string, after: string): Completion[] {
  const from = of ? [of] : scope.inputs;
  const several = from.length > 1;
  const seen = new Set<string>();
  const found: Completion[] = [];
  for (const input of from) {
    for (const { name, type } of input.columns ?? []) {
      if (seen.has(name)) continue;
      seen.add(name);
      found.push({
        label: `${before}${name}${after}`,
        displayLabel: name,
        detail: [type, several ? input.port : ""].filter(Boolean).join(" · "),
        type: "column",
      });
    }
  }
  return found;
}

/** Returns the input from which an expression is derived: `inputs["a"].rows()`, or a name assigned from it above. */
export function inputOf(expression: string, code: string, scope: Scope, depth = 0): ScopeInput | null {
  const direct =
    /^\s*inputs\s*\[\s*["']([^"']+)["']\s*\]/.exec(expression) ??
    /^\s*inputs\.get\(\s*["']([^"']+)["']/.exec(expression);
  if (direct) return scope.inputs.find(({ port }) => port === direct[1]) ?? null;
  const name = /^\s*([A-Za-z_]\w*)/.exec(expression)?.[1];
  if (!name || depth > 4) return null;
  const assigned =
    [...code.matchAll(new RegExp(`(?:^|\\n)[ \\t]*${name}\\s*=\\s*([^\\n=][^\\n]*)`, "g"))].at(-1)?.[1] ??
    [...code.matchAll(new RegExp(`\\bfor\\s+(?:\\w+\\s*,\\s*)?${name}\\s+in\\s+(?:enumerate\\()?([^\\n]+)`, "g"))].at(
      -1,
    )?.[1];
  return assigned ? inputOf(assigned, code.slice(0, code.lastIndexOf(assigned)), scope, depth + 1) : null;
}

/** Returns whether an expression is an input itself, not a value derived from it. */
function isInput(expression: string, code: string, depth = 0): boolean {
  if (/^\s*inputs\s*\[[^\]]*\]\s*$/.test(expression)) return true;
  const name = /^\s*([A-Za-z_]\w*)\s*$/.exec(expression)?.[1];
  if (!name || depth > 4) return false;
  const assigned = [...code.matchAll(new RegExp(`(?:^|\\n)[ \\t]*${name}\\s*=\\s*([^\\n=#][^\\n#]*)`, "g"))].at(
    -1,
  )?.[1];
  return assigned !== undefined && isInput(assigned, code.slice(0, code.lastIndexOf(assigned)), depth + 1);
}

/** Returns the quote that is open at the end of `line`, and its position; null: none. */
function openString(line: string): { quote: string; at: number } | null {
  let open: { quote: string; at: number } | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (open) {
      if (character === "\\") at += 1;
      else if (line.startsWith(open.quote, at)) {
        at += open.quote.length - 1;
        open = null;
      }
    } else if (character === "#") return null;
    else if (character === '"' || character === "'") {
      const quote = line.startsWith(character.repeat(3), at) ? character.repeat(3) : character;
      open = { quote, at };
      at += quote.length - 1;
    }
  }
  return open;
}

/** Returns the text of a triple-quoted string that is open at the end; null: none. */
function openTriple(code: string): { text: string } | null {
  const quotes = [...code.matchAll(/"""|'''/g)];
  const last = quotes.at(-1);
  return last && quotes.length % 2 === 1 ? { text: code.slice(last.index + 3) } : null;
}

interface PythonOffer {
  /** Characters before the cursor that are replaced. */
  readonly back: number;
  readonly options: readonly Completion[];
}

/** Offers what Interlock adds to Python at a position; null: offer Python's names; "none": offer nothing. */
export function nodeOptions(code: string, at: number, scope: Scope, explicit: boolean): PythonOffer | "none" | null {
  const before = code.slice(Math.max(0, at - 20_000), at);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const word = /\w*$/.exec(line)?.[0] ?? "";

  // inputs["…, row["…, ctx.run["…
  const key = /((?:[A-Za-z_][\w.]*(?:\[[^\]]*\])?(?:\([^()]*\))?)+)\[\s*(["']?)([^"'\]]*)$/.exec(line);
  if (key) {
    const [, owner = "", quote = "", prefix = ""] = key;
    const use = quote || '"';
    const back = prefix.length + quote.length;
    const end = (options: Completion[]): Completion[] =>
      options.map((option) => ({ ...option, apply: closing(option.label, `${quote}]`) }));
    if (owner === "inputs") return { back, options: end(ports(scope, use)) };
    if (owner === "ctx.run")
      return {
        back,
        options: end(
          ["id", "workflow", "version", "inputs"].map((name) => ({
            label: use + name + use,
            displayLabel: name,
            type: "expression",
          })),
        ),
      };
    if (/^ctx\.run\[\s*["']inputs["']\s*\]$/.test(owner))
      return {
        back,
        options: end(
          scope.workflowInputs.map((name) => ({ label: use + name + use, displayLabel: name, type: "expression" })),
        ),
      };
    if (quote || explicit) {
      const of = inputOf(owner, before, scope);
      const options = columns(scope, of, use, use);
      if (options.length && (of || quote)) return { back, options: end(options) };
    }
    if (!quote && prefix === "" && !explicit) return "none";
  }
  const got = /\.get\(\s*(["'])([^"']*)$/.exec(line);
  if (got && openString(line)) {
    const owner = /([A-Za-z_]\w*)\.get\($/.exec(line.slice(0, got.index + 5))?.[1] ?? "";
    if (owner === "inputs")
      return {
        back: word.length,
        options: scope.inputs.map((input) => ({ label: input.port, detail: kindText(input), type: "table" })),
      };
    return { back: word.length, options: columns(scope, inputOf(owner, before, scope), "", "") };
  }

  // SQL in a text
  const open = openString(line);
  const triple = openTriple(before);
  if (triple || open) {
    if (!word && !explicit) return "none";
    const text = triple ? triple.text : line.slice((open?.at ?? 0) + (open?.quote.length ?? 1));
    const lead = triple ? "" : line.slice(0, open?.at ?? 0);
    const sql = /^\s*(?:select|from|with)\b/i.test(text);
    if (!sql && !SQL_ARGUMENT.test(lead)) return "none";
    const of = /([A-Za-z_]\w*(?:\[[^\]]*\])?)(?:\.\w+\([^()]*\))*\.\w+\([^()]*$/.exec(lead)?.[1];
    const options = columns(scope, of && !sql ? inputOf(of, before, scope) : null, "", "");
    return options.length ? { back: word.length, options } : "none";
  }
  if (/(?:^|\s)#/.test(line)) return "none";

  // members
  const dotted = /((?:[A-Za-z_]\w*)(?:\.\w+|\[[^\]]*\]|\([^()]*\))*)\.(\w*)$/.exec(line);
  if (dotted) {
    const [, owner = "", prefix = ""] = dotted;
    if (owner === "ctx") return { back: prefix.length, options: contextMembers() };
    if (isInput(owner, before)) {
      const input = inputOf(owner, before, scope);
      if (input?.kind === "json") return "none";
      return { back: prefix.length, options: tableMembers() };
    }
    return "none";
  }
  const level = /^ctx\.log\(.*,\s*(?:level\s*=\s*)?$/.test(line.trim());
  if (level) return null;
  const module = /^\s*(?:import|from)\s+([\w.]*)$/.exec(line);
  if (module)
    return {
      back: (module[1] ?? "").length,
      options: MODULES.map((name) => ({ label: name, type: "namespace", boost: name === "duckdb" ? 5 : 0 })),
    };
  if (/^\s*(?:def|class)\s+\w*$/.test(line)) return "none";
  return null;
}

function words(code: string, line: string, scope: Scope): Completion[] {
  const found: Completion[] = [
    { label: "inputs", type: "variable", detail: gettext("inputs by port"), boost: 12 },
    { label: "ctx", type: "variable", detail: gettext("log, progress, run"), boost: 12 },
    ...scope.inputs.map((input): Completion => ({
      label: `inputs["${input.port}"]`,
      type: "table",
      detail: kindText(input),
      boost: 14,
    })),
    ...PYTHON_KEYWORDS.map((label): Completion => ({ label, type: "keyword" })),
    ...VALUES.map((label): Completion => ({ label, type: "keyword" })),
    ...FUNCTIONS.map((label): Completion => ({ label, type: "function", boost: -2, apply: around(`${label}(`, ")") })),
    ...TYPES.map((label): Completion => ({ label, type: "type", boost: -2 })),
    ...ERRORS.map((label): Completion => ({ label, type: "type", boost: -10 })),
  ];
  if (/^\w*$/.test(line) && !/^(?:async\s+)?def\s+main\b/m.test(code)) {
    found.push({
      label: "def main(inputs, ctx)",
      type: "keyword",
      detail: gettext("what the node runs"),
      boost: 30,
      apply: block("def main(inputs, ctx):"),
    });
  }
  const table = scope.inputs.find(({ kind }) => kind === "table");
  if (table && /^\s*\w*$/.test(line)) {
    found.push({
      label: "for row in rows",
      type: "keyword",
      detail: gettext("each row of an input"),
      boost: -1,
      apply: block(`for row in inputs["${table.port}"].rows():`),
    });
  }
  return found;
}

export function pythonSource(scope: () => Scope): CompletionSource {
  return (context: CompletionContext): CompletionResult | null => {
    const { state, pos, explicit } = context;
    const code = state.doc.toString();
    const known = scope();
    const found = nodeOptions(code, pos, known, explicit);
    if (found === "none") return null;
    if (found) {
      const prefix = code.slice(pos - found.back, pos);
      return unlessWhole({ from: pos - found.back, options: found.options }, prefix.replace(/^["']/, ""), explicit);
    }
    const word = context.matchBefore(/[^\W\d]\w*$/);
    if (!word && !explicit) return null;
    const from = word?.from ?? pos;
    const line = state.doc.lineAt(pos);
    const options = words(code, line.text.slice(0, pos - line.from), known);
    const seen = new Set(options.map(({ label }) => label));
    // Leave out the word being typed.
    for (const { name, kind } of pythonNames(`${code.slice(0, from)} ${code.slice(pos)}`))
      if (!seen.has(name)) options.push({ label: name, type: kind, boost: 6 });
    return unlessWhole({ from, options }, word?.text ?? "", explicit);
  };
}
