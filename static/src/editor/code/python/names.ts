/** Finds the names that Python code defines: functions, classes, parameters, variables, imports. Pure. */

interface PythonName {
  readonly name: string;
  readonly kind: "function" | "type" | "variable" | "namespace";
}

const LENGTH_MAX = 200_000;
const NAME = "[^\\W\\d]\\w*";

/** Returns each name once, in order; strings and comments are ignored. */
export function pythonNames(code: string): PythonName[] {
  const bare = code
    .slice(0, LENGTH_MAX)
    .replaceAll(/"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|#[^\n]*/g, (text) =>
      " ".repeat(Math.min(2, text.length)),
    );
  const found = new Map<string, PythonName["kind"]>();
  const add = (names: string, kind: PythonName["kind"]): void => {
    for (const part of names.split(",")) {
      const name = /[^\W\d]\w*/.exec(/\bas\s+([^\W\d]\w*)/.exec(part)?.[1] ?? part)?.[0];
      if (name && !found.has(name)) found.set(name, kind);
    }
  };
  const patterns: readonly (readonly [string, PythonName["kind"]])[] = [
    [`^[ \\t]*(?:async[ \\t]+)?def[ \\t]+(${NAME})`, "function"],
    [`^[ \\t]*class[ \\t]+(${NAME})`, "type"],
    [`^[ \\t]*(?:async[ \\t]+)?def[ \\t]+${NAME}[ \\t]*\\(([^)]*)\\)`, "variable"],
    [`^[ \\t]*import[ \\t]+([^\\n]+)`, "namespace"],
    [`^[ \\t]*from[ \\t]+[\\w.]+[ \\t]+import[ \\t]*\\(?([^)\\n]+)`, "variable"],
    [`^[ \\t]*(${NAME}(?:[ \\t]*,[ \\t]*${NAME})*)[ \\t]*(?::[^=\\n]+)?=(?!=)`, "variable"],
    [`\\bfor[ \\t]+\\(?(${NAME}(?:[ \\t]*,[ \\t]*${NAME})*)\\)?[ \\t]+in\\b`, "variable"],
    [`\\bas[ \\t]+(${NAME})[ \\t]*[:,]`, "variable"],
    [`\\b(${NAME})[ \\t]*:=`, "variable"],
  ];
  for (const [pattern, kind] of patterns)
    for (const match of bare.matchAll(new RegExp(pattern, "gm"))) add(match[1] ?? "", kind);
  return [...found].map(([name, kind]) => ({ name, kind }));
}
