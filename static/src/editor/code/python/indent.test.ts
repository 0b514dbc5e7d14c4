import { EditorState } from "@codemirror/state";
import { getIndentation, indentUnit } from "@codemirror/language";
import { describe, expect, it } from "vitest";
import { pythonNames } from "./names";
import { languageOf } from "../streams";

/** Indentation that the last line gets. */
function indented(text: string): number | null {
  const state = EditorState.create({ doc: text, extensions: [languageOf("python"), indentUnit.of("    ")] });
  return getIndentation(state, state.doc.line(state.doc.lines).from);
}

describe("indentation of Python", () => {
  it.each([
    ["def main(inputs, ctx):\n", 4],
    ["def f():\n    x = 1\n", 4],
    ["def f():\n    return 1\n", 0],
    ["def f():\n    if x:\n        return 1\n", 4],
    ["def f():\n    if x:\n        y()\n    else:", 4],
    ["def f():\n    if x:\n        y()\n        else:", 4],
    ["for a in b:\n    if a:\n        pass\n        else:", 4],
    ["try:\n    x()\n    except ValueError:", 0],
    ["try:\n    x()\nexcept ValueError:\n    y()\n    finally:", 0],
    ["x = {\n", 4],
    ["x = {\n    'a': 1,\n}", 0],
    ["f(a,\n", 2],
    ["f(a,\n  b)\n", 0],
    ["def f(\n    a,\n):\n", 4],
    ["x = a + \\\n", 4],
    ["def f():\n    # says: nothing\n", 4],
    ["def f():\n    x = 'a:'\n", 4],
    ["def f():\n    x = {'a': 1}\n", 4],
    ["if x:  # why\n", 4],
    ["lambda: 1\n", 0],
    ["class A:\n    def f(self):\n        pass\n\n", 4],
    ["match x:\n    case 1:\n        pass\n        case 2:", 4],
  ])("%j: %i", (text, columns) => expect(indented(text)).toBe(columns));

  it("leaves texts over lines alone", () => expect(indented('x = """\n')).toBeNull());
});

it("finds the names of a text", () => {
  const code =
    'import duckdb as db, json\nfrom math import sqrt, pi as p\n# no = 1\ndef main(inputs, ctx, *, n: int = 3):\n  a, b = 1, "c = 2"\n  for row in a: pass\n  with open(a) as file:\n    if (m := 1) == 2: pass\n  x: int = 4\n  a == z\nclass K: pass\n"""\nhidden = 1\n"""';
  expect(pythonNames(code).map(({ name }) => name)).toEqual([
    "main",
    "K",
    "inputs",
    "ctx",
    "n",
    "db",
    "json",
    "sqrt",
    "p",
    "a",
    "b",
    "x",
    "row",
    "file",
    "m",
  ]);
});
