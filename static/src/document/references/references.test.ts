import type { JsonObject } from "../../json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { reduce } from "../changes";
import { type Doc, readDocument } from "../document";
import { renameChanges } from "./references";
import { BUILT_IN, nodeType } from "../testing/node-type";
import { renameInCel, renameInExpressions, spansOf } from "./cel";
import { isNamedInPython, renameInPython, renameInShell } from "./code";
import { mayReadTable, renameTable } from "./sql";

const sql = (text: string, from = "load", to = "raw"): string | null => renameTable(text, from, to);

describe("tables in SQL", () => {
  it.each([
    ["select * from load", "select * from raw"],
    ["SELECT load.a, a FROM Load", "SELECT raw.a, a FROM raw"],
    ['from "load" select "load"."x"', 'from "raw" select "raw"."x"'],
    ["from load", "from raw"],
    ["select load from load", "select load from raw"],
    ["select t.load, load as b from load t", "select t.load, load as b from raw t"],
    ["select load(1) from load", "select load(1) from raw"],
    ["select * from a, load, b where load > 1", "select * from a, raw, b where load > 1"],
    ["select * from a join load on a.x = load.x, load", "select * from a join raw on a.x = raw.x, raw"],
    ["select * from a join load using (load)", "select * from a join raw using (load)"],
    [
      "select * from (load join b using (x)) where x in (select y from load)",
      "select * from (raw join b using (x)) where x in (select y from raw)",
    ],
    ["with c as (select * from load) select * from c", "with c as (select * from raw) select * from c"],
    [
      "select 'from load' from load -- from load\n/* from load /* load */ */",
      "select 'from load' from raw -- from load\n/* from load /* load */ */",
    ],
    [
      "select e'it\\'s load', $$from load$$, $t$ load $t$ from load",
      "select e'it\\'s load', $$from load$$, $t$ load $t$ from raw",
    ],
    [
      "select extract(year from load), trim(both from load) from load",
      "select extract(year from load), trim(both from load) from raw",
    ],
    [
      "select * from load where a is distinct from load and b is not distinct from load",
      "select * from raw where a is distinct from load and b is not distinct from load",
    ],
    [
      "select {{ nodes.load.output }} from load where a = {{ 'from load' }}",
      "select {{ nodes.load.output }} from raw where a = {{ 'from load' }}",
    ],
    ["select * from main.other, load", "select * from main.other, raw"],
    ["from (pivot load on a)", "from (pivot raw on a)"],
    ["select * from (summarize load)", "select * from (summarize raw)"],
    ["select a, load from load group by a, load", "select a, load from raw group by a, load"],
    ["select load.* exclude (load) from load tablesample 10%", "select raw.* exclude (load) from raw tablesample 10%"],
    ["select * from load asof join b on load.t >= b.t", "select * from raw asof join b on raw.t >= b.t"],
    ["select * from x left join load on true", "select * from x left join raw on true"],
    ["select count(*) from loads, load_2", "select count(*) from loads, load_2"],
    ["select 1", "select 1"],
    ["select * from load union all select * from load", "select * from raw union all select * from raw"],
    ["select a.load from (select * from load) a", "select a.load from (select * from raw) a"],
    [
      "select * from a, lateral (select * from load where load.x = a.x)",
      "select * from a, lateral (select * from raw where raw.x = a.x)",
    ],
    ["select * from range(10) r, load", "select * from range(10) r, raw"],
  ])("%s", (before, after) => expect(sql(before)).toBe(after));

  it.each([
    "with load as (select * from load) select * from load",
    "with a as (select 1), load(x) as (select 2) select * from load",
    "select load.x from other as load, load",
    "select load.x from other load join load on true",
    "select * from load, raw",
    "with raw as (select * from load) select * from raw",
    "select raw.x from load raw",
    "select * from (select 1) as load, load",
    "select * from main.load, load",
    "select * from load, memory.main.raw",
    "select * from query_table('load'), load",
  ])("that cannot be told stay: %s", (text) => expect(sql(text)).toBeNull());

  it("are quoted where the new name asks for it", () => {
    expect(sql("select * from load", "load", "order")).toBe('select * from "order"');
  });
  it("are found where they are read", () => {
    expect(mayReadTable("select load from x", "load")).toBe(false);
    expect(mayReadTable('select 1 from x, "LOAD"', "load")).toBe(true);
    expect(mayReadTable("from query('from load')", "load")).toBe(true);
  });
  it("go there and back in any text, and leave the rest of it alone", () => {
    const piece = fc.constantFrom(
      "select",
      "from",
      "join",
      "load",
      "load.x",
      "x.load",
      '"load"',
      "LOAD",
      ",",
      "(",
      ")",
      "as",
      "with",
      "where",
      "'load'",
      "-- load\n",
      "/* load */",
      "{{ nodes.load.output }}",
      "{{",
      "$$load$$",
      "e'\\'load'",
      "on",
      "a",
      "load(",
      "order by",
      '"',
      "'",
      "/*",
      "extract(",
      "union all",
      "é",
      "\u{1F600}",
      ".",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const text = pieces.join(" ");
        const there = renameTable(text, "load", "renamed");
        if (there === null) return;
        const back = renameTable(there, "renamed", "load");
        expect(back?.toLowerCase() ?? text.toLowerCase()).toBe(text.toLowerCase());
        expect(there.replaceAll("renamed", "load").toLowerCase()).toBe(text.toLowerCase());
        expect(mayReadTable(there, "load")).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
  it("of a long query take no time", () => {
    const long = `select * from load where ${Array.from({ length: 20_000 }, (_, at) => `c${at} = ${at}`).join(" and ")}`;
    const start = performance.now();
    expect(sql(long)?.startsWith("select * from raw")).toBe(true);
    expect(sql(`${"(".repeat(20_000)}load`)).not.toBe("");
    expect(sql(`with ${"a (".repeat(5000)}load`)).not.toBe("");
    expect(performance.now() - start).toBeLessThan(4000);
  });
});

describe("outputs in expressions", () => {
  it.each([
    ["{{ nodes.load.output.rows }}", "{{ nodes.raw.output.rows }}"],
    [
      "a {{nodes.load.output}} b {{ nodes . load . output + nodes.loads.output }}",
      "a {{nodes.raw.output}} b {{ nodes . raw . output + nodes.loads.output }}",
    ],
    ['{{ nodes["load"].output }}', '{{ nodes["raw"].output }}'],
    ['{{ "nodes.load.output" }}', '{{ "nodes.load.output" }}'],
    ["{{ inputs.nodes.load }}", "{{ inputs.nodes.load }}"],
    ["nodes.load.output", "nodes.load.output"],
    ['{{ {"a": {"b": nodes.load.output}} }} nodes.load', '{{ {"a": {"b": nodes.raw.output}} }} nodes.load'],
    ["{{ nodes.load.output", "{{ nodes.load.output"],
    ['{{ "}}" + nodes.load.output }}', '{{ "}}" + nodes.raw.output }}'],
    ["{{ r'\\' + nodes.load.output }}", "{{ r'\\' + nodes.raw.output }}"],
  ])("%s", (before, after) => expect(renameInExpressions(before, "load", "raw")).toBe(after));
  it("that stand without brackets", () =>
    expect(renameInCel("nodes.load.output > 0 // nodes.load", "load", "raw")).toBe(
      "nodes.raw.output > 0 // nodes.load",
    ));
  it("end where the server says", () =>
    expect(spansOf("a {{ '''}} ''' }} {{ 1 // }}")).toEqual([
      [2, 17],
      [18, 28],
    ]));
});

describe("inputs in Python", () => {
  it.each([
    ['def main(inputs, ctx):\n    return inputs["load"]', 'def main(inputs, ctx):\n    return inputs["raw"]'],
    [
      "return inputs['load'].rows(3) + inputs . get( 'load', 1 )",
      "return inputs['raw'].rows(3) + inputs . get( 'raw', 1 )",
    ],
    ['def main(data, ctx):\n    return data["load"]', 'def main(data, ctx):\n    return data["raw"]'],
    ['if "load" in inputs and "load" not in inputs: pass', 'if "raw" in inputs and "raw" not in inputs: pass'],
    ["# inputs['load']\nx = 'loads'\nload = 1", "# inputs['load']\nx = 'loads'\nload = 1"],
    ["f\"{inputs['load']}\"", "f\"{inputs['raw']}\""],
    ['"""It reads inputs["load"]."""\ninputs["load"]', '"""It reads inputs["load"]."""\ninputs["raw"]'],
    ["inputs[r'load'], 'it\\'s'", "inputs[r'raw'], 'it\\'s'"],
    ["for name, value in inputs.items(): pass", "for name, value in inputs.items(): pass"],
  ])("%s", (before, after) => expect(renameInPython(before, "load", "raw")).toBe(after));
  it.each([
    "names = ['load']\ninputs[names[0]]",
    "ctx.run['inputs']['load']; inputs['load']",
    "ctx.run.inputs['load']",
    "inputs[f'{x}'], f\"{d['load']}\"",
    "inputs['load' + x]",
    "'load' in inputs.keys()",
  ])("that cannot be told stay: %s", (code) => expect(renameInPython(code, "load", "raw")).toBeNull());
  it("are found", () => {
    expect(isNamedInPython("inputs['load']", "load")).toBe(true);
    expect(isNamedInPython("load = 'loads' # 'load'", "load")).toBe(false);
  });
});

it("inputs in shell", () =>
  expect(
    renameInShell('cat "$INTERLOCK_INPUT_LOAD" ${INTERLOCK_INPUT_LOAD} $INTERLOCK_INPUT_LOADS', "load", "raw"),
  ).toBe('cat "$INTERLOCK_INPUT_RAW" ${INTERLOCK_INPUT_RAW} $INTERLOCK_INPUT_LOADS'));

describe("a change of id", () => {
  const other = nodeType("other", { config: { type: "object", properties: { text: { type: "string" } } } });
  const types = new Map([...BUILT_IN, ["other", other]] as const);
  const changed = (nodes: JsonObject[], edges: JsonObject[]): Doc => {
    const doc = readDocument({ nodes: [{ id: "load", type: "noop" }, ...nodes], edges }) as Doc;
    return renameChanges(doc, types, "load", "raw").reduce(reduce, doc);
  };
  const one = (type: string, config: JsonObject, edge: JsonObject = {}): { config: unknown; edge: unknown } => {
    const doc = changed([{ id: "next", type, config }], [{ source: "load", target: "next", ...edge }]);
    return { config: doc.nodes[1]?.["config"], edge: doc.edges[0] };
  };
  const edge = { source: "raw", target: "next" };

  it("reaches code and expressions of what follows", () => {
    expect(one("table.sql", { sql: "select {{ nodes.load.output }} from load" })).toEqual({
      config: { sql: "select {{ nodes.raw.output }} from raw" },
      edge,
    });
    expect(one("python", { code: "inputs['load']; '{{ nodes.load.output }}'" })).toEqual({
      config: { code: "inputs['raw']; '{{ nodes.load.output }}'" },
      edge,
    });
    expect(one("shell", { command: "cat $INTERLOCK_INPUT_LOAD", env: { A: "{{ nodes.load.output }}" } })).toEqual({
      config: { command: "cat $INTERLOCK_INPUT_RAW", env: { A: "{{ nodes.raw.output }}" } },
      edge,
    });
    expect(one("branch", { condition: "nodes.load.output", cases: [{ when: "{{ nodes.load.output }}" }] })).toEqual({
      config: { condition: "nodes.raw.output", cases: [{ when: "{{ nodes.raw.output }}" }] },
      edge,
    });
  });
  it("leaves names that were given, and what it cannot read", () => {
    expect(one("table.sql", { sql: "from data, load" }, { target_port: "data" })).toEqual({
      config: { sql: "from data, load" },
      edge: { ...edge, target_port: "data" },
    });
    expect(one("other", { text: "{{ nodes.load.output }}" })).toEqual({
      config: { text: "{{ nodes.load.output }}" },
      edge: { ...edge, target_port: "load" },
    });
    expect(one("table.sql", { sql: "with load as (from load) from load" })).toEqual({
      config: { sql: "with load as (from load) from load" },
      edge: { ...edge, target_port: "load" },
    });
  });
  it("reaches expressions far behind, and takes no name that is taken", () => {
    const doc = changed(
      [
        { id: "raws", type: "noop" },
        { id: "next", type: "table.sql", config: { sql: "from load, raw" } },
        { id: "far", type: "shell", config: { command: "x", env: { A: "{{ nodes.load.output }}" } } },
      ],
      [
        { source: "load", target: "next" },
        { source: "raws", target: "next", target_port: "raw" },
        { source: "next", target: "far" },
      ],
    );
    expect(doc.edges[0]).toEqual({ ...edge, target_port: "load" });
    expect(doc.nodes[2]?.["config"]).toEqual({ sql: "from load, raw" });
    expect(doc.nodes[3]?.["config"]).toEqual({ command: "x", env: { A: "{{ nodes.raw.output }}" } });
  });
});
