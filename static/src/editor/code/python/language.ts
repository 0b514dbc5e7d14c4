/** Syntax highlighting and indentation of Python, line by line, by the blocks and brackets that are open. A full grammar
 * would be larger than all other languages together, and no better on code that is half written.
 */

import type { StreamParser, StringStream } from "@codemirror/language";

export const PYTHON_KEYWORDS =
  "and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield".split(
    " ",
  );
/** Keywords at the start of a line, names elsewhere. */
const SOFT = new Set(["match", "case", "type"]);
const KEYWORDS = new Set(PYTHON_KEYWORDS);
const VALUES = new Set(["True", "False", "None", "Ellipsis", "NotImplemented"]);
/** The statements that each of these may follow at the same depth. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  elif: ["if", "elif"],
  else: ["if", "elif", "for", "while", "try", "except"],
  except: ["try", "except"],
  finally: ["try", "except", "else"],
  case: ["match", "case"],
};

interface Bracket {
  /** Column of the text behind the bracket; -1: none, so the next line is indented by one step. */
  column: number;
  /** Indentation of its line. */
  indent: number;
}

interface Block {
  readonly word: string;
  readonly indent: number;
}

interface PythonState {
  /** The closing quotes of the string that is being read; empty: none. */
  quote: string;
  brackets: Bracket[];
  blocks: Block[];
  /** Indentation of the current or last statement. */
  indent: number;
  /** First word of that statement. */
  first: string;
  /** Whether the last token was the colon that opens a block. */
  opens: boolean;
  /** Whether the line before ended with a backslash. */
  goesOn: boolean;
  /** The word before; a name follows `def` and `class`. */
  before: string;
}

function copy(state: PythonState): PythonState {
  return { ...state, brackets: state.brackets.map((bracket) => ({ ...bracket })), blocks: [...state.blocks] };
}

function inText(stream: StringStream, state: PythonState): "string" {
  while (!stream.eol()) {
    if (stream.match(state.quote)) {
      state.quote = "";
      return "string";
    }
    if (stream.next() === "\\") stream.next();
  }
  // A string in single quotes ends with its line even without a closing quote.
  if (state.quote.length === 1 && !stream.string.endsWith("\\")) state.quote = "";
  return "string";
}

function startLine(stream: StringStream, state: PythonState): void {
  if (/^\s*(?:#|$)/.test(stream.string) || state.brackets.length || state.goesOn) {
    state.goesOn = false;
    return;
  }
  const indent = stream.indentation();
  if (state.opens) state.blocks.push({ word: state.first, indent: state.indent });
  state.blocks = state.blocks.filter((block) => block.indent < indent);
  state.indent = indent;
  state.opens = false;
  state.first = "";
}

export const PYTHON: StreamParser<PythonState> = {
  name: "python",
  startState: () => ({
    quote: "",
    brackets: [],
    blocks: [],
    indent: 0,
    first: "",
    opens: false,
    goesOn: false,
    before: "",
  }),
  copyState: copy,
  token(stream, state) {
    if (state.quote) return inText(stream, state);
    if (stream.sol()) startLine(stream, state);
    if (stream.eatSpace()) return null;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^\\$/)) {
      state.goesOn = true;
      return null;
    }
    for (const bracket of state.brackets) if (bracket.column === -2) bracket.column = stream.column();
    const text = stream.match(/^(?:[rbuf]|[rb][rbf]|f[r])?("""|'''|"|')/i) as RegExpMatchArray | null;
    if (text) {
      state.opens = false;
      state.first ||= text[0];
      state.quote = text[1] ?? "";
      return inText(stream, state);
    }
    if (stream.match(/^(?:0[xob][\da-f_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?j?)/i)) {
      state.opens = false;
      state.first ||= "0";
      return "number";
    }
    if (stream.match(/^@[\w.]+/)) return "meta";
    const found = stream.match(/^[^\W\d][\w]*|^[\u0080-\uffff]+/) as RegExpMatchArray | null;
    if (found) return wordToken(found[0], stream, state);
    const mark = stream.next() ?? "";
    state.before = "";
    if ("([{".includes(mark))
      state.brackets.push({
        column: /^\s*(?:#|$)/.test(stream.string.slice(stream.pos)) ? -1 : -2,
        indent: stream.indentation(),
      });
    else if (")]}".includes(mark)) state.brackets.pop();
    state.opens = mark === ":" && !state.brackets.length;
    return null;
  },
  indent(state, textAfter, context) {
    if (state.quote) return null;
    const bracket = state.brackets.at(-1);
    if (bracket) {
      if (/^[)\]}]/.test(textAfter)) return bracket.column < 0 ? bracket.indent : bracket.column - 1;
      return bracket.column < 0 ? bracket.indent + context.unit : bracket.column;
    }
    if (state.goesOn) return state.indent + context.unit;
    const word = /^(elif|else|except|finally|case)\b/.exec(textAfter)?.[1];
    if (word) {
      const open = state.opens ? [...state.blocks, { word: state.first, indent: state.indent }] : state.blocks;
      const owner = open.findLast((block) => FOLLOWS[word]?.includes(block.word));
      if (owner) return owner.indent + (word === "case" && owner.word === "match" ? context.unit : 0);
    }
    if (state.opens) return state.indent + context.unit;
    if (["return", "raise", "pass", "break", "continue"].includes(state.first))
      return state.blocks.at(-1)?.indent ?? Math.max(0, state.indent - context.unit);
    return state.indent;
  },
  languageData: {
    commentTokens: { line: "#" },
    closeBrackets: {
      brackets: ["(", "[", "{", "'", '"', "'''", '"""'],
      stringPrefixes: ["f", "fr", "rf", "r", "u", "b", "br", "rb", "F", "R", "B"],
    },
    indentOnInput: /^\s*(?:[}\])]|else:|elif |except[ :]|finally:|case\s)$/,
    wordChars: "_",
  },
};

function wordToken(word: string, stream: StringStream, state: PythonState): string {
  const { before } = state;
  const first = state.first === "";
  state.first ||= word === "async" ? "" : word;
  state.opens = false;
  state.before = word;
  if (stream.string[stream.start - 1] === ".") return "propertyName";
  if (before === "def" || before === "class") return "variableName.definition";
  if (VALUES.has(word)) return "atom";
  if (SOFT.has(word))
    return first && /^\s+[^=\s.,)]/.test(stream.string.slice(stream.pos)) ? "keyword" : "variableName";
  return KEYWORDS.has(word) ? "keyword" : "variableName";
}
