/** Completion inside `{{ }}` and in fields that are one expression. It offers only what `engine/expressions/` supports. */

import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  type CompletionSource,
  pickedCompletion,
} from "@codemirror/autocomplete";
import { gettext } from "../../words/i18n";
import type { Scope } from "./options";
import { around, unlessWhole } from "./offers";
import { findSpans, spanAround } from "./spans";

const METHODS: readonly (readonly [string, string, string])[] = [
  ["size", "()", "int"],
  ["contains", "(text)", "bool"],
  ["startsWith", "(text)", "bool"],
  ["endsWith", "(text)", "bool"],
  ["matches", "(pattern)", "bool"],
  ["all", "(x, condition)", "bool"],
  ["exists", "(x, condition)", "bool"],
  ["exists_one", "(x, condition)", "bool"],
  ["map", "(x, value)", "list"],
  ["filter", "(x, condition)", "list"],
  ["getFullYear", "()", "int"],
  ["getMonth", "()", "int"],
  ["getDate", "()", "int"],
  ["getDayOfMonth", "()", "int"],
  ["getDayOfWeek", "()", "int"],
  ["getDayOfYear", "()", "int"],
  ["getHours", "()", "int"],
  ["getMinutes", "()", "int"],
  ["getSeconds", "()", "int"],
  ["getMilliseconds", "()", "int"],
];
const PLAIN: readonly (readonly [string, string, string])[] = [
  ["has", "(field)", "bool"],
  ["size", "(value)", "int"],
  ["type", "(value)", "type"],
  ["int", "(value)", "int"],
  ["uint", "(value)", "uint"],
  ["double", "(value)", "double"],
  ["string", "(value)", "string"],
  ["bytes", "(value)", "bytes"],
  ["timestamp", "(text)", "timestamp"],
  ["duration", "(text)", "duration"],
  ["dyn", "(value)", "any"],
];

const call = ([name, args, gives]: readonly [string, string, string], type: string): Completion => ({
  label: name,
  displayLabel: `${name}${args}`,
  detail: gives,
  type,
  boost: -5,
  apply: args === "()" ? `${name}()` : around(`${name}(`, ")"),
});

const word = (name: string, detail = "", type = "expression"): Completion => ({ label: name, detail, type });

const isWord = (name: string): boolean =>
  /^[A-Za-z_]\w*$/.test(name) && !["in", "true", "false", "null"].includes(name);

/** Offers keys of a value: behind a dot if they are identifiers, else in brackets. */
function keys(
  names: readonly (readonly [string, string])[],
  type: string,
): { options: Completion[]; bracketed: boolean } {
  return {
    options: names.map(([name, detail]) => ({
      label: name,
      detail,
      type,
      ...(isWord(name) ? {} : { apply: bracket(name) }),
    })),
    bracketed: true,
  };
}

/** Replaces the dot before the key by `["key"]`. */
function bracket(name: string): NonNullable<Completion["apply"]> {
  return (view, _completion, from, to) => {
    const text = `[${JSON.stringify(name)}]`;
    view.dispatch({
      changes: { from: from - 1, to, insert: text },
      selection: { anchor: from - 1 + text.length },
      userEvent: "input.complete",
    });
  };
}

/** Returns what can follow the path before the cursor. */
function membersOf(path: string, scope: Scope): readonly Completion[] {
  const steps = path
    .replaceAll(/\[\s*["']([^"']*)["']\s*\]/g, ".$1")
    .split(".")
    .filter(Boolean);
  const [root, first, second] = steps;
  const methods = METHODS.map((each) => call(each, "method"));
  if (root === "inputs" && steps.length === 1)
    return keys(
      scope.workflowInputs.map((name) => [name, gettext("input of the run")] as const),
      "expression",
    ).options;
  if (root === "run") {
    if (steps.length === 1)
      return [
        word("id", "string"),
        word("workflow", "string"),
        word("version", "int"),
        word("inputs", gettext("inputs of the run")),
      ];
    if (first === "inputs" && steps.length === 2)
      return keys(
        scope.workflowInputs.map((name) => [name, gettext("input of the run")] as const),
        "expression",
      ).options;
  }
  if (root === "nodes") {
    if (steps.length === 1)
      return scope.upstream.map(({ id, name }) => ({
        label: id,
        detail: name === id ? "" : name,
        type: "node",
        apply: `${id}.output`,
      }));
    if (steps.length === 2) return [word("output", gettext("output of the node"))];
    if (steps.length === 3 && second === "output") {
      const input = scope.inputs.find(({ port }) => port === first);
      return [
        ...(input?.kind === "json"
          ? []
          : [
              word("row_count", gettext("rows of the table")),
              word("schema", gettext("columns of the table")),
              word("path", gettext("path of the Parquet file")),
            ]),
        ...methods,
      ];
    }
  }
  return methods;
}

const ROOTS = (scope: Scope): Completion[] => [
  { ...word("inputs", gettext("inputs of the run")), boost: 20 },
  ...scope.workflowInputs
    .filter(isWord)
    .map((name) => ({ label: `inputs.${name}`, detail: gettext("input of the run"), type: "expression", boost: 15 })),
  { ...word("nodes", gettext("outputs of upstream nodes")), boost: 20 },
  ...scope.upstream.map(({ id, name }) => ({
    label: `nodes.${id}.output`,
    detail: name === id ? "" : name,
    type: "node",
    boost: 10,
  })),
  { ...word("run", gettext("this run")), boost: 20 },
  ...["run.id", "run.workflow", "run.version"].map((name) => ({ label: name, type: "expression", boost: 5 })),
  ...PLAIN.map((each) => call(each, "function")),
  ...["true", "false", "null"].map((name) => ({ label: name, type: "keyword", boost: -8 })),
];

/** Returns what fits behind `source`, the expression up to the cursor; `back`: how many characters it replaces. */
export function celOptions(
  source: string,
  scope: Scope,
  explicit: boolean,
): { back: number; options: readonly Completion[]; word: string } | null {
  // No names are completed inside a string.
  const bare = source.replaceAll(/[bBrR]{0,2}("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/g, (text, _quoted, at: number) =>
    source.charAt(at - 1) === "[" ? text : " ".repeat(text.length),
  );
  const bracketKey = /((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:\[\s*"[^"]*"\s*\])*)\[\s*(["']?)([\w .-]*)$/.exec(source);
  if (bracketKey?.[1] && /^(?:inputs|nodes|run)\b/.test(bracketKey[1])) {
    const [, path = "", quote = "", prefix = ""] = bracketKey;
    if (!quote && prefix) return null;
    const options = membersOf(path, scope)
      .filter(({ type }) => type === "expression" || type === "node")
      .map(({ label, detail = "", type = "" }) => ({
        label: `${quote || '"'}${label}${quote || '"'}`,
        displayLabel: label,
        detail,
        type,
      }));
    return options.length ? { back: prefix.length + quote.length, options, word: prefix } : null;
  }
  if (/["']/.test(bare.replaceAll(/\[\s*["'][^"']*["']\s*\]/g, ""))) return null;
  const found = /((?:[A-Za-z_]\w*|\)|\])(?:\s*\.\s*[A-Za-z_]\w*|\[[^\]]*\]|\([^)]*\))*)\s*\.\s*([A-Za-z_]?\w*)$/.exec(
    source,
  );
  if (found) {
    const prefix = found[2] ?? "";
    const options = membersOf(found[1] ?? "", scope);
    return options.length ? { back: prefix.length, options, word: prefix } : null;
  }
  const prefix = /[A-Za-z_]\w*$/.exec(bare)?.[0] ?? "";
  const before = bare.slice(0, bare.length - prefix.length).trimEnd();
  // Only an operator can follow a value.
  if (/[\w)\]]$/.test(before) && !/\bin$/.test(before)) return null;
  if (!prefix && !explicit && before !== "") return null;
  return { back: prefix.length, options: ROOTS(scope), word: prefix };
}

/** Adds the spaces inside `{{ }}` that are missing: at `opening`, unless null, and before the closing braces. */
function spaced(option: Completion, opening: number | null, closing: boolean): Completion {
  if ((opening === null && !closing) || typeof option.apply === "function") return option;
  const text = option.apply ?? option.label;
  return {
    ...option,
    apply: (view, completion, from, to) => {
      const before = opening === null ? 0 : 1;
      view.dispatch({
        changes: [
          ...(opening === null ? [] : [{ from: opening, insert: " " }]),
          { from, to, insert: text + (closing ? " " : "") },
        ],
        selection: { anchor: from + before + text.length },
        scrollIntoView: true,
        annotations: pickedCompletion.of(completion),
        userEvent: "input.complete",
      });
    },
  };
}

/** Completes inside `{{ }}`; `bare`: the whole text is one expression, without braces. */
export function celSource(scope: () => Scope, bare: boolean): CompletionSource {
  return (context: CompletionContext): CompletionResult | null => {
    const reach = 4000;
    const start = Math.max(0, context.pos - reach);
    const text = context.state.sliceDoc(start, context.pos + reach);
    const at = context.pos - start;
    const span = spanAround(findSpans(text), at);
    if (!span && !bare) return null;
    // An unclosed expression ends with its line.
    if (span && !span.closed && text.slice(span.start, at).includes("\n")) return null;
    const source = span ? text.slice(span.start + 2, at) : text.slice(0, at);
    const found = celOptions(source, scope(), context.explicit);
    if (!found) return null;
    const opening =
      span !== null && source !== "" && !/^\s/.test(source)
        ? start + span.start + 2
        : span !== null && source === ""
          ? context.pos
          : null;
    const closing = span !== null && span.closed && text.slice(at, span.end) === "}}";
    return unlessWhole(
      { from: context.pos - found.back, options: found.options.map((option) => spaced(option, opening, closing)) },
      found.word,
      context.explicit,
    );
  };
}
