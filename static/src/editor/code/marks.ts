/** Highlights `{{ }}` in a text, and marks it as misplaced where SQL allows none. */

import { syntaxTree } from "@codemirror/language";
import { type Extension, Prec, RangeSetBuilder } from "@codemirror/state";
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import { findSpans } from "./spans";

const EXPRESSION = Decoration.mark({ class: "cm-expression" });
const MISPLACED = Decoration.mark({ class: "cm-expression cm-misplaced" });
const OPEN = Decoration.mark({ class: "cm-expression cm-unclosed" });
/** In longer texts only the part in view is searched. */
const WHOLE_MAX = 100_000;
const AROUND = 4000;

function marksOf(view: EditorView, sql: boolean): DecorationSet {
  const { doc } = view.state;
  const { from, to } = view.viewport;
  const start = doc.length > WHOLE_MAX ? Math.max(0, from - AROUND) : 0;
  const end = doc.length > WHOLE_MAX ? Math.min(doc.length, to + AROUND) : doc.length;
  const builder = new RangeSetBuilder<Decoration>();
  const tree = sql ? syntaxTree(view.state) : null;
  for (const span of findSpans(doc.sliceString(start, end))) {
    const at = start + span.start;
    // An unclosed expression ends with its line, or all text after it would be highlighted.
    const stop = span.closed ? start + span.end : doc.lineAt(at).to;
    const inside = tree?.resolveInner(at, 1);
    const misplaced = inside !== undefined && inside.from < at && /^(?:string|comment|variableName)/.test(inside.name);
    builder.add(at, stop, misplaced ? MISPLACED : span.closed ? EXPRESSION : OPEN);
  }
  return builder.finish();
}

export function expressionMarks(sql: boolean): Extension {
  const plugin = ViewPlugin.fromClass(
    class {
      marks: DecorationSet;
      constructor(view: EditorView) {
        this.marks = marksOf(view, sql);
      }
      update(update: ViewUpdate): void {
        const parsed = sql && syntaxTree(update.startState) !== syntaxTree(update.state);
        if (update.docChanged || parsed || (update.viewportChanged && update.state.doc.length > WHOLE_MAX))
          this.marks = marksOf(update.view, sql);
      }
    },
    { decorations: (value) => value.marks },
  );
  // Its marks enclose those of the language, so that the colour of the expression wins.
  return Prec.highest(plugin);
}
