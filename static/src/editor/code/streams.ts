/** Syntax highlighting of DuckDB's SQL, CEL, JSON, shell and plain text; Python is in `python/language.ts`.
 *
 * The parsers skip `{{ }}`, so that a quote inside an expression opens no string. `marks.ts` highlights the expressions.
 */

import {
  type Language,
  LanguageSupport,
  StreamLanguage,
  type StreamParser,
  type StringStream,
} from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import type { CodeLanguage } from "./options";
import { PYTHON } from "./python/language";
import { isKeyword, isType } from "./sql/words";

interface Inside {
  /** Between `{{` and `}}`. */
  expression: boolean;
  /** The closing quote of the string that is being read; empty: none. */
  quote: string;
  /** Depth of nested comments. */
  comment: number;
}

const start = (): Inside => ({ expression: false, quote: "", comment: 0 });

/** Reads to the end of an expression or of the line. */
function inExpression(stream: StringStream, state: Inside): null {
  while (!stream.eol()) {
    if (stream.match("}}")) {
      state.expression = false;
      return null;
    }
    if (!stream.match(/^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/)) stream.next();
  }
  return null;
}

function toExpression(stream: StringStream, state: Inside): boolean {
  if (!stream.match("{{")) return false;
  state.expression = true;
  return true;
}

/** Reads to the end of a string, in which a doubled quote stands for one. It may span lines. */
function inQuote(stream: StringStream, state: Inside): "string" {
  const { quote } = state;
  for (;;) {
    const at = stream.string.indexOf(quote, stream.pos);
    if (at < 0) {
      stream.skipToEnd();
      return "string";
    }
    stream.pos = at + quote.length;
    if (quote.length === 1 && stream.eat(quote)) continue;
    state.quote = "";
    return "string";
  }
}

function inComment(stream: StringStream, state: Inside): "comment" {
  while (!stream.eol() && state.comment) {
    if (stream.match("*/")) state.comment -= 1;
    else if (stream.match("/*")) state.comment += 1;
    else stream.next();
  }
  return "comment";
}

const SQL: StreamParser<Inside> = {
  name: "sql",
  startState: start,
  token(stream, state) {
    if (state.expression) return inExpression(stream, state);
    if (state.comment) return inComment(stream, state);
    if (state.quote) return inQuote(stream, state);
    if (stream.eatSpace()) return null;
    if (toExpression(stream, state)) return null;
    if (stream.match("--")) {
      stream.skipToEnd();
      return "comment";
    }
    if (stream.match("/*")) {
      state.comment = 1;
      return inComment(stream, state);
    }
    if (stream.match(/^[eE]'(?:[^'\\]|''|\\.)*'/)) return "string";
    const dollar = stream.match(/^\$(?:[^\W\d]\w*)?\$/) as RegExpMatchArray | null;
    if (dollar) {
      state.quote = dollar[0];
      return inQuote(stream, state);
    }
    if (stream.eat("'")) {
      state.quote = "'";
      return inQuote(stream, state);
    }
    if (stream.match(/^"(?:[^"]|"")*"?/)) return "variableName";
    if (stream.match(/^(?:\d[\w.]*|\.\d\w*)/)) return "number";
    if (stream.match(/^[$?]\w*/)) return "variableName";
    const word = stream.match(/^[^\W\d][\w$]*/) as RegExpMatchArray | null;
    if (word) {
      // A column may be called `date`: behind a dot every word is a name.
      if (stream.string[stream.start - 1] === ".") return "variableName";
      if (isKeyword(word[0])) return "keyword";
      return isType(word[0]) ? "typeName" : "variableName";
    }
    stream.next();
    return null;
  },
  languageData: {
    commentTokens: { line: "--", block: { open: "/*", close: "*/" } },
    closeBrackets: { brackets: ["(", "[", "{", "'", '"'] },
  },
};

const CEL: StreamParser<Inside> = {
  name: "expression",
  startState: start,
  token(stream, state) {
    if (state.quote) return inQuote(stream, state);
    if (stream.eatSpace()) return null;
    if (stream.match("//")) {
      stream.skipToEnd();
      return "comment";
    }
    const triple = stream.match(/^[bBrR]{0,2}('''|""")/) as RegExpMatchArray | null;
    if (triple) {
      state.quote = triple[1] ?? "";
      return inQuote(stream, state);
    }
    if (stream.match(/^[bBrR]{0,2}(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/)) return "string";
    if (stream.match(/^(?:0x[\da-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)u?/i)) return "number";
    if (stream.match(/^(?:true|false|null)\b/)) return "bool";
    if (stream.match(/^in\b/)) return "keyword";
    if (stream.match(/^\w+/)) return "variableName";
    if (stream.match("{{") || stream.match("}}")) return "meta";
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "//" }, closeBrackets: { brackets: ["(", "[", "{", "'", '"'] } },
};

const JSON_TEXT: StreamParser<Inside> = {
  name: "json",
  startState: start,
  token(stream, state) {
    if (state.expression) return inExpression(stream, state);
    if (stream.eatSpace()) return null;
    if (toExpression(stream, state)) return null;
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/))
      return /^\s*:/.test(stream.string.slice(stream.pos)) ? "propertyName" : "string";
    if (stream.match(/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/)) return "number";
    if (stream.match(/^(?:true|false|null)\b/)) return "bool";
    stream.next();
    return null;
  },
  languageData: { closeBrackets: { brackets: ["[", "{", '"'] } },
};

const SHELL_WORDS =
  /^(?:if|then|elif|else|fi|for|in|do|done|while|until|case|esac|function|return|exit|export|set|unset|local|trap|exec|cd|echo|printf|test|read|shift|break|continue)(?![\w-])/;

const SHELL: StreamParser<Inside> = {
  name: "shell",
  startState: start,
  token(stream, state) {
    if (state.quote === "'") return inQuote(stream, state);
    if (state.quote === '"') {
      while (!stream.eol()) {
        if (stream.match(/^\\./)) continue;
        if (stream.next() === '"') {
          state.quote = "";
          break;
        }
      }
      return "string";
    }
    if (stream.eatSpace()) return null;
    if (stream.peek() === "#" && (stream.sol() || /\s/.test(stream.string[stream.pos - 1] ?? " "))) {
      stream.skipToEnd();
      return "comment";
    }
    const quote = stream.eat(/['"]/);
    if (quote) {
      state.quote = quote;
      return SHELL.token(stream, state);
    }
    if (stream.match(/^\$(?:\{[^}]*\}|\w+|[?!#@*$-])/)) return "variableName.definition";
    const begins = /(?:^|[\s;&|(])$/.test(stream.string.slice(0, stream.pos));
    if (begins && stream.match(SHELL_WORDS)) return "keyword";
    if (!stream.match(/^[\w./-]+/)) stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", "'", '"'] } },
};

const TEXT: StreamParser<Inside> = {
  name: "text",
  token(stream) {
    stream.skipToEnd();
    return null;
  },
  languageData: { closeBrackets: { brackets: ["{"] } },
};

const PARSERS = { sql: SQL, expression: CEL, json: JSON_TEXT, shell: SHELL, text: TEXT };
const made = new Map<CodeLanguage, Language>();

/** Returns a language, which is made once. */
export function languageOf(name: CodeLanguage): Extension {
  let language = made.get(name);
  if (!language) {
    language = name === "python" ? StreamLanguage.define(PYTHON) : StreamLanguage.define(PARSERS[name]);
    made.set(name, language);
  }
  return new LanguageSupport(language);
}
