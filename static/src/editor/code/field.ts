/** A code field: one CodeMirror without its own undo history, which the editor's store has. */

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  type Completion,
  completionKeymap,
  closeCompletion,
  completionStatus,
  type CompletionSource,
  startCompletion,
} from "@codemirror/autocomplete";
import { defaultKeymap, indentLess, indentMore, insertTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { Annotation, EditorSelection, EditorState, type Extension, Prec, type Transaction } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  type Rect,
  rectangularSelection,
} from "@codemirror/view";
import { gettext } from "../../words/i18n";
import { smallestChange } from "./change";
import { sources } from "./complete";
import { countText, openFlags, placeProblems, problemFlags } from "./flags";
import type { CodeField, CodeLanguage, CodeOptions } from "./options";
import { expressionMarks } from "./marks";
import { phrases } from "./phrases";
import { findWhenAsked } from "./find-keys";
import { BORDERS_PX, type FieldLook, heightFor, LINES_MAX, LINES_MIN } from "./size";
import { TypingSteps } from "./typing-steps";
import { languageOf } from "./streams";
import { colours } from "./theme";

/** Marks changes that the owner of the field made; `onChange` is not called for them. */
const fromOwner = Annotation.define<boolean>();
/** How long after Escape Tab leaves the field. */
const LEAVING_MS = 15_000;

/** Languages in which Tab indents; elsewhere it goes to the next field. */
const INDENTED: ReadonlySet<CodeLanguage> = new Set(["sql", "python", "shell", "json"]);

let fields = 0;

const normal = (text: string): string => (text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);

/** Indents to the next tab stop; with a selection, all its lines. */
function tab(view: EditorView): boolean {
  if (view.state.readOnly) return false;
  const { state } = view;
  if (state.selection.ranges.some((range) => !range.empty)) return indentMore(view);
  const unit = state.facet(indentUnit).length;
  if (!unit) return insertTab(view);
  view.dispatch(
    state.changeByRange((range) => {
      const spaces = " ".repeat(unit - ((range.head - state.doc.lineAt(range.head).from) % unit));
      return {
        changes: { from: range.head, insert: spaces },
        range: EditorSelection.cursor(range.head + spaces.length),
      };
    }),
    { scrollIntoView: true, userEvent: "input.indent" },
  );
  return true;
}

/** Lets Tab leave the field for a while. */
function leave(view: EditorView): boolean {
  view.setTabFocusMode(LEAVING_MS);
  view.dispatch({ effects: EditorView.announce.of(gettext("Tab leaves the field")) });
  return true;
}

/** Keeps the text on one line: line breaks in pasted text become spaces, and Enter is left to the page. */
const oneLine: Extension = [
  EditorState.transactionFilter.of((transaction) =>
    transaction.newDoc.lines > 1
      ? [transaction, { changes: breaks(transaction.newDoc.toString()), sequential: true }]
      : transaction,
  ),
  Prec.high(
    keymap.of([
      { key: "Enter", run: (view) => completionStatus(view.state) === null },
      { key: "ArrowDown", run: startCompletion },
    ]),
  ),
];

const breaks = (text: string): { from: number; to: number; insert: string }[] =>
  [...text.matchAll(/\s*\n\s*/g)].map((found) => ({
    from: found.index,
    to: found.index + found[0].length,
    insert: text.slice(found.index + found[0].length) && found.index ? " " : "",
  }));

function keys(indents: boolean): Extension {
  // The page handles Ctrl Enter. Escape is bound below.
  const defaults = defaultKeymap.filter((binding) => binding.key !== "Mod-Enter" && binding.key !== "Escape");
  return [
    Prec.highest(
      keymap.of([{ key: "Tab", run: acceptCompletion }, ...(indents ? [{ key: "Escape", run: closeAndLeave }] : [])]),
    ),
    keymap.of([
      ...closeBracketsKeymap,
      ...(indents ? [{ key: "Tab", run: tab, shift: indentLess }] : []),
      ...completionKeymap,
      ...defaults,
      ...(indents ? [{ key: "Escape", run: (view: EditorView) => !view.state.readOnly && leaveOnce(view) }] : []),
    ]),
  ];
}

const byPlace = (a: Completion, b: Completion): number => {
  const [one, other] = [a.sortText ?? a.label, b.sortText ?? b.label];
  return one < other ? -1 : one > other ? 1 : 0;
};

const INFO_MIN = 200;
const INFO_MAX = 320;

/** Places the text about an option beside the list, or below it where there is no room. */
function besideOrBelow(_view: EditorView, list: Rect, option: Rect, info: Rect, space: Rect): { style: string } {
  const left = list.left - space.left - 8;
  const right = space.right - list.right - 8;
  const room = Math.max(left, right);
  if (room < INFO_MIN)
    return {
      style: `left: -1px; top: ${list.bottom - list.top + 4}px; max-width: ${Math.min(INFO_MAX, space.right - list.left)}px`,
    };
  const top = Math.max(0, Math.min(option.top, space.bottom - (info.bottom - info.top)) - list.top);
  return {
    style: `${left >= right ? "right" : "left"}: calc(100% + 4px); top: ${top}px; max-width: ${Math.min(INFO_MAX, room)}px`,
  };
}

const leaving = new WeakMap<EditorView, number>();

/** Handles the first Escape; the second one in a row is left to the page. */
function leaveOnce(view: EditorView): boolean {
  const now = performance.now();
  const again = now - (leaving.get(view) ?? -LEAVING_MS) < LEAVING_MS && view.dom.classList.contains("cm-leaving");
  view.dom.classList.toggle("cm-leaving", !again);
  leaving.set(view, now);
  return again ? false : leave(view);
}

/** Closes the list of options. This counts as the first Escape, so two always leave the field, list or not. */
function closeAndLeave(view: EditorView): boolean {
  if (view.state.readOnly || completionStatus(view.state) === null) return false;
  closeCompletion(view);
  return view.dom.classList.contains("cm-leaving") ? false : leaveOnce(view);
}

/** Replaces a selection by typed text. Browsers that do it add inline styles, which the content security policy forbids. */
function typeOver(event: InputEvent, view: EditorView): boolean {
  const text = event.data;
  const { main, ranges } = view.state.selection;
  if (
    event.inputType !== "insertText" ||
    !text ||
    event.isComposing ||
    view.composing ||
    view.state.readOnly ||
    ranges.every((range) => range.empty)
  )
    return false;
  event.preventDefault();
  const plain = (): Transaction =>
    view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
  if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, main.from, main.to, text, plain)))
    view.dispatch(plain());
  return true;
}

/** Turns undo and redo of the browser's menu into the page's keys. */
function forwardUndo(event: InputEvent): boolean {
  if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return false;
  event.preventDefault();
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  event.target?.dispatchEvent(
    new KeyboardEvent("keydown", {
      key: "z",
      code: "KeyZ",
      ctrlKey: !mac,
      metaKey: mac,
      shiftKey: event.inputType === "historyRedo",
      bubbles: true,
      cancelable: true,
    }),
  );
  return true;
}

/** What a kind of field adds to the options of its owner. */
interface FieldParts {
  readonly sources: readonly CompletionSource[];
  /** Whether picking the option opens the list again, such as for the files in a folder. */
  readonly continues?: (option: Completion) => boolean;
  readonly extensions?: Extension;
}

interface InnerField extends CodeField {
  readonly view: EditorView;
}

export const mountCode = (host: HTMLElement, options: CodeOptions): CodeField =>
  mountField(host, options, { sources: sources(options) });

export function mountField(host: HTMLElement, options: CodeOptions, parts: FieldParts): InnerField {
  const { language, minLines = LINES_MIN, maxLines = LINES_MAX } = options;
  const single = maxLines <= 1;
  const look: FieldLook = language === "text" ? "text" : "code";
  const indents = INDENTED.has(language);
  const described = document.createElement("span");
  described.className = "sr";
  described.id = `code-field-${(fields += 1)}`;
  let problems = 0;
  const typingSteps = new TypingSteps();
  const describe = (): void => {
    described.textContent = [
      countText(problems),
      indents && !options.readOnly ? gettext("Tab indents; press Escape and then Tab to leave the field.") : "",
    ]
      .filter(Boolean)
      .join(" ");
  };
  describe();
  const named: Record<string, string> = options.labelledBy
    ? { "aria-labelledby": options.labelledBy }
    : { "aria-label": options.label };
  const extensions: Extension[] = [
    EditorView.cspNonce.of(options.nonce),
    EditorView.contentAttributes.of({
      ...named,
      "aria-describedby": [options.describedBy, described.id].filter(Boolean).join(" "),
      ...(options.readOnly ? { "aria-readonly": "true" } : {}),
      tabindex: "0",
      spellcheck: "false",
      autocapitalize: "off",
      autocorrect: "off",
      "data-language": language,
    }),
    EditorView.editorAttributes.of((view) => ({ class: view.state.doc.lines > 1 ? "cm-many" : "cm-single" })),
    EditorState.readOnly.of(options.readOnly === true),
    EditorState.allowMultipleSelections.of(true),
    EditorState.tabSize.of(4),
    indentUnit.of(language === "python" ? "    " : "  "),
    phrases(),
    highlightSpecialChars(),
    drawSelection(),
    dropCursor(),
    rectangularSelection(),
    bracketMatching(),
    colours,
    languageOf(language),
    indentOnInput(),
    problemFlags,
    // Before the keys of the list of options.
    keys(indents),
    autocompletion({
      override: parts.sources,
      activateOnCompletion: (option) => parts.continues?.(option) ?? false,
      activateOnTypingDelay: 30,
      maxRenderedOptions: 60,
      ...(single ? { interactionDelay: 0 } : {}),
      positionInfo: besideOrBelow,
      compareCompletions: byPlace,
    }),
    closeBrackets(),
    EditorView.domEventHandlers({
      beforeinput: (event, view) => forwardUndo(event) || typeOver(event, view),
      blur: (_event, view) => view.dom.classList.remove("cm-leaving"),
    }),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      update.view.dom.classList.remove("cm-leaving");
      if (update.transactions.every((transaction) => !transaction.docChanged || transaction.annotation(fromOwner)))
        return;
      if (typingSteps.begins(update, performance.now())) options.onStep?.();
      options.onChange(update.state.doc.toString());
    }),
  ];
  if (indents)
    extensions.push(
      lineNumbers({ domEventHandlers: { mousedown: (view, line) => openFlags(view, line.from) } }),
      findWhenAsked(),
    );
  else extensions.push(single ? oneLine : EditorView.lineWrapping);
  if (parts.extensions) extensions.push(parts.extensions);
  if (options.expressions) extensions.push(expressionMarks(language === "sql"));

  host.classList.add("codefield");
  host.classList.toggle("codefield-text", look === "text");
  host.classList.toggle("codefield-line", single);
  host.style.setProperty("--code-min", `${heightFor(minLines, look) - BORDERS_PX}px`);
  host.style.setProperty("--code-max", `${heightFor(Math.max(minLines, maxLines), look)}px`);
  const view = new EditorView({ state: EditorState.create({ doc: options.value, extensions }) });
  view.dom.dataset["hint"] = gettext("Tab leaves the field");
  host.replaceChildren(view.dom, described);
  const left = (event: FocusEvent): void => {
    if (!(event.relatedTarget instanceof Node && host.contains(event.relatedTarget))) options.onBlur?.();
  };
  host.addEventListener("focusout", left);

  return {
    view,
    setValue(text) {
      const change = smallestChange(view.state.doc.toString(), normal(text));
      if (!change) return;
      const end = change.from + change.insert.length;
      // Undo and fixes move the cursor to what they changed, but only while the field has the focus.
      view.dispatch({
        changes: change,
        ...(view.hasFocus ? { selection: { anchor: end }, scrollIntoView: true } : {}),
        annotations: fromOwner.of(true),
      });
    },
    setProblems(list) {
      problems = list.length;
      placeProblems(view, list);
      describe();
    },
    focus(line, at) {
      view.focus();
      if (at !== undefined)
        view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) }, scrollIntoView: true });
      if (!line || at !== undefined) return;
      const found = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      const begin = found.from + (found.text.length - found.text.trimStart().length);
      view.dispatch({ selection: { anchor: begin }, effects: EditorView.scrollIntoView(begin, { y: "center" }) });
    },
    destroy() {
      host.removeEventListener("focusout", left);
      view.destroy();
      host.replaceChildren();
    },
  };
}
