/** Finds and renames inputs in Python and shell code, by scanning it as text. Pure. */

interface Literal {
  readonly start: number;
  readonly end: number;
  readonly prefix: string;
  /** Start and end between the quotes. */
  readonly contentStart: number;
  readonly contentEnd: number;
}

const OPENING = /(?<prefix>(?:[rR][bBfFtT]?|[bBfFtT][rR]?|[uU])?)(?<quote>'''|"""|'|")|#[^\n]*/gy;

/** Returns the string literals of Python code, without those in comments. */
function literals(code: string): Literal[] {
  const found: Literal[] = [];
  for (let at = 0; at < code.length;) {
    // Letters at the end of a name are no prefix of a string.
    const inName = at > 0 && /[\p{L}\p{N}_]/u.test(code[at - 1] ?? "");
    OPENING.lastIndex = at;
    const match = OPENING.exec(code);
    if (!match || (inName && match.groups?.["prefix"])) {
      at += 1;
      continue;
    }
    const quote = match.groups?.["quote"];
    if (quote === undefined) {
      at = OPENING.lastIndex;
      continue;
    }
    const from = OPENING.lastIndex;
    let to = from;
    while (to < code.length && !code.startsWith(quote, to) && !(quote.length === 1 && code[to] === "\n"))
      to += code[to] === "\\" ? 2 : 1;
    to = Math.min(to, code.length);
    const end = Math.min(code.length, to + (code.startsWith(quote, to) ? quote.length : 0));
    found.push({ start: at, end, prefix: match.groups?.["prefix"] ?? "", contentStart: from, contentEnd: to });
    at = Math.max(end, at + 1);
  }
  return found;
}

/** The name of the inputs in the code: the first parameter of `main`. */
const inputsName = (code: string): string =>
  /(?:^|\n)[ \t]*(?:async[ \t]+)?def[ \t]+main[ \t]*\([ \t\r\n]*([A-Za-z_]\w*)/.exec(code)?.[1] ?? "inputs";

/** Renames an input in `inputs["from"]`, `inputs.get("from")` and `"from" in inputs`; null: the name occurs elsewhere, too,
 * so that it is unclear what reads it. */
export function renameInPython(code: string, from: string, to: string): string | null {
  if (!code.includes(from)) return code;
  const name = inputsName(code);
  const texts = literals(code);
  const before = new RegExp(`(?<![\\w.])${name}\\s*(?:\\[|\\.\\s*(get|pop)\\s*\\()\\s*$`);
  const inside = new RegExp(`^\\s*(?:not\\s+)?in\\s+${name}\\b(?!\\s*[.\\[(])`);
  let made = "";
  let at = 0;
  for (const text of texts) {
    const content = code.slice(text.contentStart, text.contentEnd);
    const formatted = /[fFtT]/.test(text.prefix);
    let replacement = content;
    if (formatted) {
      replacement = content.replace(
        new RegExp(`(?<![\\w.])(${name}\\s*(?:\\[|\\.\\s*get\\s*\\()\\s*)(['"])${from}\\2`, "g"),
        (_, start: string, quote: string) => `${start}${quote}${to}${quote}`,
      );
      if (new RegExp(`(['"])${from}\\1`).test(replacement)) return null;
    } else if (content === from) {
      const called = before.exec(code.slice(Math.max(0, text.start - 200), text.start));
      const next = code.slice(text.end, text.end + 200);
      const read = called ? (called[1] ? /^\s*[,)]/ : /^\s*\]/).test(next) : inside.test(next);
      if (!read || /[bB]/.test(text.prefix)) return null;
      replacement = to;
    }
    if (replacement === content) continue;
    made += code.slice(at, text.contentStart) + replacement;
    at = text.contentEnd;
  }
  return made + code.slice(at);
}

/** Returns whether a string in the Python code is the name of the input. */
export const isNamedInPython = (code: string, name: string): boolean =>
  code.includes(name) &&
  literals(code).some((text) =>
    /[fFtT]/.test(text.prefix)
      ? new RegExp(`(['"])${name}\\1`).test(code.slice(text.contentStart, text.contentEnd))
      : code.slice(text.contentStart, text.contentEnd) === name,
  );

const variable = (name: string): RegExp =>
  new RegExp(`(?<![A-Za-z0-9_])INTERLOCK_INPUT_${name.toUpperCase()}(?![A-Za-z0-9_])`, "g");

/** Renames the environment variable of an input in a shell command. */
export const renameInShell = (command: string, from: string, to: string): string =>
  command.replace(variable(from), `INTERLOCK_INPUT_${to.toUpperCase()}`);
export const isNamedInShell = (command: string, name: string): boolean => variable(name).test(command);
