/** How Python is coloured and indented: line by line, with the blocks and brackets that are open. A whole grammar of it
 * would weigh more than all else here, and says no more about what is half written.
 */

import type { StreamParser, StringStream } from "@codemirror/language";

export const PYTHON_KEYWORDS =
  "and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield".split(
    " ",
  );
/** A name in some places, a keyword at the start of a line. */
const SOFT = new Set(["match", "case", "type"]);
const KEYWORDS = new Set(PYTHON_KEYWORDS);
const VALUES = new Set(["True", "False", "None", "Ellipsis", "NotImplemented"]);
/** What each of these may follow, in a block of the same depth. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  elif: ["if", "elif"],
  else: ["if", "elif", "for", "while", "try", "except"],
  except: ["try", "except"],
  finally: ["try", "except", "else"],
  case: ["match", "case"],
};

interface Bracket {
  /** Column of what stands behind it; -1: nothing does, so the next line is one step in. */
  column: number;
  /** Indentation of its line. */
  indent: number;
}

interface Block {
  readonly word: string;
  readonly indent: number;
}

export interface PythonState {
  /** Quotes that end the text we are in; empty: none. */
  quote: string;
  brackets: Bracket[];
  blocks: Block[];
  /** Indentation of the statement that is being read or was read last. */
  indent: number;
  /** First word of that statement. */
  first: string;
  /** Last token was the colon that opens a block. */
  opens: boolean;
  /** A backslash ended the line before. */
  goesOn: boolean;
  /** Word before: `def` and `class` name something. */
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
  // One in single quotes ends with its line, whatever is missing.
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
