/** How completions are inserted: helpers of all languages. */

import {
  type Completion,
  type CompletionResult,
  insertCompletionText,
  pickedCompletion,
} from "@codemirror/autocomplete";
import { indentUnit } from "@codemirror/language";
import type { EditorView } from "@codemirror/view";

/** Inserts `before` and `after` around the cursor; an `after` that is there already is not repeated. */
export function around(before: string, after: string): NonNullable<Completion["apply"]> {
  return (view: EditorView, completion: Completion, from: number, to: number) => {
    const follows = view.state.sliceDoc(to, to + after.length);
    const rest = after && !follows.startsWith(after.charAt(0)) ? after : "";
    const spec = insertCompletionText(view.state, before + rest, from, to);
    view.dispatch({
      ...spec,
      ...(rest || after ? { selection: { anchor: from + before.length + (rest ? 0 : follows ? 1 : 0) } } : {}),
      annotations: pickedCompletion.of(completion),
      userEvent: "input.complete",
    });
  };
}

/** Inserts the first line of a block and an indented line for the cursor. */
export function block(first: string): NonNullable<Completion["apply"]> {
  return (view: EditorView, completion: Completion, from: number, to: number) => {
    const { state } = view;
    const indent = /^\s*/.exec(state.doc.lineAt(from).text)?.[0] ?? "";
    const insert = `${first}\n${indent}${state.facet(indentUnit)}`;
    view.dispatch({
      changes: { from, to, insert },
      selection: { anchor: from + insert.length },
      scrollIntoView: true,
      annotations: pickedCompletion.of(completion),
      userEvent: "input.complete",
    });
  };
}

/** Inserts `text` and `]`, replacing the characters of `behind` that already follow the cursor. */
export function closing(text: string, behind: string): NonNullable<Completion["apply"]> {
  return (view: EditorView, completion: Completion, from: number, to: number) => {
    let end = to;
    for (const character of behind) if (view.state.sliceDoc(end, end + 1) === character) end += 1;
    const insert = `${text}]`;
    view.dispatch({
      changes: { from, to: end, insert },
      selection: { anchor: from + insert.length },
      scrollIntoView: true,
      annotations: pickedCompletion.of(completion),
      userEvent: "input.complete",
    });
  };
}

/** Offers nothing once an option has been typed in full, so that Enter starts a new line. */
export function unlessWhole(result: CompletionResult | null, word: string, explicit: boolean): CompletionResult | null {
  if (!result || explicit || !word) return result;
  const low = word.toLowerCase();
  const whole = result.options.some(
    (option) => option.label.toLowerCase() === low && (typeof option.apply !== "function" || option.type === "keyword"),
  );
  return whole ? null : result;
}
