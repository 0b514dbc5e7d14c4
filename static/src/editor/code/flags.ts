/** Shows problems in the text: a marked line number, underlined words, and a tooltip with the sentence and the fix. */

import {
  type Extension,
  Prec,
  RangeSet,
  StateEffect,
  StateField,
  type EditorState,
  type Range,
} from "@codemirror/state";
import {
  Decoration,
  EditorView,
  GutterMarker,
  hoverTooltip,
  keymap,
  lineNumberMarkers,
  showTooltip,
  type Tooltip,
} from "@codemirror/view";
import { element, icon } from "../../dom";
import { fill, gettext, ngettext } from "../../words/i18n";
import type { CodeProblem } from "./options";

interface Flag {
  readonly from: number;
  readonly to: number;
  readonly problem: CodeProblem;
}

interface Flags {
  readonly list: readonly Flag[];
  readonly lines: RangeSet<GutterMarker>;
  readonly words: RangeSet<Decoration>;
  /** Start of the line whose problems a key or click has opened; null: none. */
  readonly open: number | null;
}

const place = StateEffect.define<readonly CodeProblem[]>();
/** Removes a problem whose fix was applied; the next check brings it back if it still exists. */
const fixed = StateEffect.define<CodeProblem>();
const show = StateEffect.define<number | null>();

class LineFlag extends GutterMarker {
  override readonly elementClass: string;
  constructor(severity: string) {
    super();
    this.elementClass = `cm-flagged cm-flagged-${severity}`;
  }
}
const LINES = { error: new LineFlag("error"), warning: new LineFlag("warning") };
const WORDS = { error: Decoration.mark({ class: "cm-wrong" }), warning: Decoration.mark({ class: "cm-doubtful" }) };

/** Returns where a problem is marked: its span if that is in its line, else the whole text of the line. */
function rangeOf(state: EditorState, { line: number, span }: CodeProblem): readonly [number, number] {
  const line = state.doc.line(Math.min(Math.max(1, number ?? 1), state.doc.lines));
  if (number === null) return [line.from, line.from];
  if (span && span[0] >= line.from && span[0] < line.to && span[1] > span[0])
    return [span[0], Math.min(span[1], line.to)];
  const start = line.text.length - line.text.trimStart().length;
  return [line.from + start, line.from + Math.max(start, line.text.trimEnd().length)];
}

function flagsOf(state: EditorState, problems: readonly CodeProblem[]): Flags {
  const list: Flag[] = [];
  for (const problem of problems) {
    const [from, to] = rangeOf(state, problem);
    list.push({ from, to, problem });
  }
  list.sort((a, b) => a.from - b.from || a.to - b.to);
  return { list, ...setsOf(state, list), open: null };
}

function setsOf(state: EditorState, list: readonly Flag[]): Pick<Flags, "lines" | "words"> {
  const worst = new Map<number, "error" | "warning">();
  const words: Range<Decoration>[] = [];
  for (const { from, to, problem } of list) {
    if (problem.line === null) continue;
    const start = state.doc.lineAt(from).from;
    if (worst.get(start) !== "error") worst.set(start, problem.severity);
    if (to > from) words.push(WORDS[problem.severity].range(from, to));
  }
  return {
    lines: RangeSet.of(
      [...worst].map(([start, severity]) => LINES[severity].range(start)),
      true,
    ),
    words: RangeSet.of(words, true),
  };
}

const flags = StateField.define<Flags>({
  create: () => ({ list: [], lines: RangeSet.empty, words: RangeSet.empty, open: null }),
  update(value, transaction) {
    let now = value;
    if (transaction.docChanged && now.list.length) {
      // A problem whose text was deleted goes; the next check reports what is left.
      const list = now.list
        .map((flag) => ({
          ...flag,
          was: flag.to - flag.from,
          from: transaction.changes.mapPos(flag.from, 1),
          to: transaction.changes.mapPos(flag.to, -1),
        }))
        .filter((flag) => flag.to > flag.from || (flag.was === 0 && flag.to === flag.from))
        .map(({ from, to, problem }) => ({ from, to, problem }));
      now = { list, ...setsOf(transaction.state, list), open: null };
    }
    if (now.open !== null && transaction.selection && !transaction.effects.some((effect) => effect.is(show)))
      now = { ...now, open: null };
    for (const effect of transaction.effects) {
      if (effect.is(place)) now = flagsOf(transaction.state, effect.value);
      else if (effect.is(fixed)) {
        const list = now.list.filter((flag) => flag.problem !== effect.value);
        now = { list, ...setsOf(transaction.state, list), open: null };
      } else if (effect.is(show) && effect.value !== now.open) now = { ...now, open: effect.value };
    }
    return now;
  },
  provide: (field) => [
    EditorView.decorations.from(field, (value) => value.words),
    EditorView.contentAttributes.compute([field], (state): Record<string, string> =>
      state.field(field).list.some(({ problem }) => problem.severity === "error") ? { "aria-invalid": "true" } : {},
    ),
    lineNumberMarkers.from(field, (value) => value.lines),
    showTooltip.compute([field], (state) => {
      const value = state.field(field);
      return value.open === null ? null : tooltipAt(state, value.open, true);
    }),
  ],
});

const ofLine = (state: EditorState, start: number): readonly Flag[] => {
  const { from, to } = state.doc.lineAt(start);
  return state.field(flags).list.filter((flag) => flag.problem.line !== null && flag.from >= from && flag.from <= to);
};

function tooltipAt(state: EditorState, start: number, asked: boolean): Tooltip | null {
  const found = ofLine(state, start);
  const first = found[0];
  if (!first) return null;
  return {
    pos: first.from,
    end: first.to,
    above: false,
    arrow: false,
    create: (view) => ({ dom: card(view, found, asked) }),
  };
}

function card(view: EditorView, found: readonly Flag[], asked: boolean): HTMLElement {
  const dom = element("div", "cm-problem");
  for (const { problem } of found) {
    const row = element(
      "div",
      `cm-problem-row ${problem.severity === "error" ? "bad" : "warns"}`,
      icon("warn", true),
      element("span", "", problem.message),
    );
    const { fix } = problem;
    if (fix) {
      const button = element("button", "", fix.label);
      button.type = "button";
      // Leave the focus in the text.
      button.addEventListener("mousedown", (event) => event.preventDefault());
      button.addEventListener("click", () => {
        applyFix(view, problem);
        view.focus();
      });
      row.append(button);
      if (asked) row.append(element("kbd", "", "Ctrl ."));
    }
    dom.append(row);
  }
  return dom;
}

function applyFix(view: EditorView, problem: CodeProblem): void {
  view.dispatch({ effects: [fixed.of(problem), EditorView.announce.of(problem.fix?.label ?? "")] });
  problem.fix?.apply();
}

function goTo(view: EditorView, step: 1 | -1): boolean {
  const { list } = view.state.field(flags);
  const lines = [
    ...new Set(list.filter((flag) => flag.problem.line !== null).map((flag) => view.state.doc.lineAt(flag.from).from)),
  ].sort((a, b) => a - b);
  if (!lines.length) return false;
  const here = view.state.doc.lineAt(view.state.selection.main.head).from;
  const opened = view.state.field(flags).open;
  const beyond =
    step > 0
      ? lines.find((start) => start > here || (start === here && opened !== here))
      : lines.findLast((start) => start < here || (start === here && opened !== here));
  const target = beyond ?? (step > 0 ? lines[0] : lines.at(-1)) ?? 0;
  const first = ofLine(view.state, target)[0];
  if (!first) return false;
  const messages = ofLine(view.state, target).map(({ problem }) => problem.message);
  const number = view.state.doc.lineAt(target).number;
  view.dispatch({
    selection: { anchor: first.from },
    scrollIntoView: true,
    effects: [
      show.of(target),
      EditorView.announce.of(fill(gettext("Line {n}: {what}"), { n: number, what: messages.join(" ") })),
    ],
  });
  return true;
}

function fixHere(view: EditorView): boolean {
  const found = ofLine(view.state, view.state.selection.main.head).find(({ problem }) => problem.fix);
  if (!found) return false;
  applyFix(view, found.problem);
  return true;
}

/** Opens or closes the problems of a line when its number is clicked. */
export function openFlags(view: EditorView, start: number): boolean {
  const { open } = view.state.field(flags);
  if (!ofLine(view.state, start).length) return false;
  view.dispatch({ effects: show.of(open === start ? null : start) });
  return true;
}

export const placeProblems = (view: EditorView, problems: readonly CodeProblem[]): void =>
  view.dispatch({ effects: place.of(problems) });

/** Returns the number of problems for the description of the field; empty: none. */
export const countText = (count: number): string =>
  count
    ? fill(ngettext("{n} problem. Press F8 to go to the next.", "{n} problems. Press F8 to go to the next.", count), {
        n: count,
      })
    : "";

export const problemFlags: Extension = [
  flags,
  hoverTooltip(
    (view, at) => {
      const found = view.state
        .field(flags)
        .list.find((flag) => flag.problem.line !== null && at >= flag.from && at <= flag.to);
      return found && view.state.field(flags).open === null
        ? tooltipAt(view.state, view.state.doc.lineAt(found.from).from, false)
        : null;
    },
    { hoverTime: 250, hideOnChange: true },
  ),
  Prec.high(
    keymap.of([
      { key: "F8", run: (view) => goTo(view, 1), shift: (view) => goTo(view, -1) },
      { key: "Mod-.", run: fixHere },
      {
        key: "Escape",
        run: (view) => {
          if (view.state.field(flags).open === null) return false;
          view.dispatch({ effects: show.of(null) });
          return true;
        },
      },
    ]),
  ),
];
