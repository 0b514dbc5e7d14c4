/** Names of inputs in Python and shell code, read as text. Pure. */

interface Literal {
  readonly start: number;
  readonly end: number;
  readonly prefix: string;
  /** Where what is said starts and ends. */
  readonly from: number;
  readonly to: number;
}

const OPENING = /(?<prefix>(?:[rR][bBfFtT]?|[bBfFtT][rR]?|[uU])?)(?<quote>'''|"""|'|")|#[^\n]*/gy;

/** Texts in Python code; what is said in comments is none. */
function literals(code: string): Literal[] {
  const found: Literal[] = [];
  for (let at = 0; at < code.length;) {
    // A prefix belongs to a text only where no name goes on.
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
    found.push({ start: at, end, prefix: match.groups?.["prefix"] ?? "", from, to });
    at = Math.max(end, at + 1);
  }
  return found;
}

/** What the code calls the inputs: the first parameter of `main`. */
const inputsName = (code: string): string =>
  /(?:^|\n)[ \t]*(?:async[ \t]+)?def[ \t]+main[ \t]*\([ \t\r\n]*([A-Za-z_]\w*)/.exec(code)?.[1] ?? "inputs";

/** The code with `inputs["from"]`, `inputs.get("from")` and `"from" in inputs` by the new name; null when the name stands
 * elsewhere too, so that it cannot be told what reads it. */
export function renameInPython(code: string, from: string, to: string): string | null {
  if (!code.includes(from)) return code;
  const name = inputsName(code);
  const texts = literals(code);
  const before = new RegExp(`(?<![\\w.])${name}\\s*(?:\\[|\\.\\s*(get|pop)\\s*\\()\\s*$`);
  const inside = new RegExp(`^\\s*(?:not\\s+)?in\\s+${name}\\b(?!\\s*[.\\[(])`);
  let made = "";
  let at = 0;
  for (const text of texts) {
    const said = code.slice(text.from, text.to);
    const formatted = /[fFtT]/.test(text.prefix);
    let by = said;
    if (formatted) {
      by = said.replace(
        new RegExp(`(?<![\\w.])(${name}\\s*(?:\\[|\\.\\s*get\\s*\\()\\s*)(['"])${from}\\2`, "g"),
        (_, start: string, quote: string) => `${start}${quote}${to}${quote}`,
      );
      if (new RegExp(`(['"])${from}\\1`).test(by)) return null;
    } else if (said === from) {
      const called = before.exec(code.slice(Math.max(0, text.start - 200), text.start));
      const next = code.slice(text.end, text.end + 200);
      const read = called ? (called[1] ? /^\s*[,)]/ : /^\s*\]/).test(next) : inside.test(next);
      if (!read || /[bB]/.test(text.prefix)) return null;
      by = to;
    }
    if (by === said) continue;
    made += code.slice(at, text.from) + by;
    at = text.to;
  }
  return made + code.slice(at);
}

/** Whether Python code says the name of an input anywhere. */
export const namedInPython = (code: string, name: string): boolean =>
  code.includes(name) &&
  literals(code).some((text) =>
    /[fFtT]/.test(text.prefix)
      ? new RegExp(`(['"])${name}\\1`).test(code.slice(text.from, text.to))
      : code.slice(text.from, text.to) === name,
  );

const variable = (name: string): RegExp =>
  new RegExp(`(?<![A-Za-z0-9_])INTERLOCK_INPUT_${name.toUpperCase()}(?![A-Za-z0-9_])`, "g");

/** The command with the variable of one input as that of another. */
export const renameInShell = (command: string, from: string, to: string): string =>
  command.replace(variable(from), `INTERLOCK_INPUT_${to.toUpperCase()}`);
export const namedInShell = (command: string, name: string): boolean => variable(name).test(command);
