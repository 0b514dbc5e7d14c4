import { describe, expect, it } from "vitest";
import { celOptions } from "../cel";
import type { Scope } from "../options";
import { inputOf, nodeOptions } from "./complete";

const SCOPE: Scope = {
  inputs: [
    {
      port: "flights",
      kind: "table",
      columns: [
        { name: "carrier", type: "VARCHAR" },
        { name: "dep_delay", type: "DOUBLE" },
      ],
    },
    { port: "settings", kind: "json", columns: null },
  ],
  workflowInputs: ["month", "top-n"],
  upstream: [
    { id: "flights", name: "Load flights" },
    { id: "settings", name: "settings" },
  ],
};

function offered(text: string, explicit = false): string[] | "none" | null {
  const found = nodeOptions(text.replace("|", ""), text.indexOf("|"), SCOPE, explicit);
  return found === null || found === "none"
    ? found
    : found.options.map((option) => option.displayLabel ?? option.label);
}

describe("Python of a node", () => {
  it("completes inputs by port", () => {
    expect(offered("inputs[|")).toEqual(["flights", "settings"]);
    expect(offered('inputs["fl|"]')).toEqual(["flights", "settings"]);
    expect(offered("inputs['|")).toEqual(["flights", "settings"]);
    expect(offered('inputs.get("|')).toEqual(["flights", "settings"]);
  });

  it("knows what a table can do, also behind a name", () => {
    const members = ["rows(n=None)", "relation()", "df()", "arrow()", "row_count", "schema", "path"];
    expect(offered('inputs["flights"].|')).toEqual(members);
    expect(offered('t = inputs["flights"]\nu = t\nu.ro|')).toEqual(members);
    expect(offered('inputs["settings"].|')).toBe("none");
    expect(offered('rows = inputs["flights"].rows()\nrows.|')).toBe("none");
  });

  it("knows what ctx has now, and nothing that is not available yet", () => {
    const found = offered("ctx.|");
    expect(found).toEqual([
      'log(message, level="info")',
      "progress(fraction, message=None)",
      "run",
      "node",
      "attempt",
      "SoftTimeout",
    ]);
    expect(offered('ctx.run["|')).toEqual(["id", "workflow", "version", "inputs"]);
    expect(offered('ctx.run["inputs"]["|')).toEqual(["month", "top-n"]);
  });

  it("completes columns of rows and in SQL", () => {
    expect(offered('for row in inputs["flights"].rows():\n    row["|')).toEqual(["carrier", "dep_delay"]);
    expect(offered('rows = inputs["flights"].rows(5)\nfor n, row in enumerate(rows):\n    row[\'d|')).toEqual([
      "carrier",
      "dep_delay",
    ]);
    expect(offered('t = inputs["flights"].relation()\nt.filter("dep|')).toEqual(["carrier", "dep_delay"]);
    expect(offered('duckdb.sql("select c|')).toEqual(["carrier", "dep_delay"]);
    expect(offered('duckdb.sql("""\n  select c|')).toEqual(["carrier", "dep_delay"]);
  });

  it("leaves texts and comments alone", () => {
    expect(offered('print("hello wor|')).toBe("none");
    expect(offered("# inp|")).toBe("none");
    expect(offered("x = 1  # inp|")).toBe("none");
    expect(offered("def ma|")).toBe("none");
    expect(offered("inp|")).toBeNull();
  });

  it("follows names to their input", () => {
    const code = 'a = inputs["flights"]\nb = a.rows()\nfor r in b:\n  pass\n';
    expect(inputOf("r", code, SCOPE)?.port).toBe("flights");
    expect(inputOf("unknown", code, SCOPE)).toBeNull();
    expect(inputOf("x", "x = x\n", SCOPE)).toBeNull();
  });
});

describe("expressions", () => {
  const labels = (source: string, explicit = false): string[] | null =>
    celOptions(source, SCOPE, explicit)?.options.map((option) => option.displayLabel ?? option.label) ?? null;

  it("begin with what they can read", () => {
    expect(labels("")?.slice(0, 3)).toEqual(["inputs", "inputs.month", "nodes"]);
    expect(labels(" in")).toEqual(expect.arrayContaining(["inputs", "nodes.flights.output", "run.id", "int(value)"]));
    expect(labels("secrets")).not.toContain("secrets");
  });

  it("go on behind a point", () => {
    expect(labels("inputs.")).toEqual(["month", "top-n"]);
    expect(labels("nodes.")).toEqual(["flights", "settings"]);
    expect(labels("nodes.flights.")).toEqual(["output"]);
    expect(labels("nodes.flights.output.")).toEqual(expect.arrayContaining(["row_count"]));
    expect(labels("nodes.settings.output.")).not.toContain("row_count");
    expect(labels("run.")).toEqual(["id", "workflow", "version", "inputs"]);
    expect(labels("run.inputs.")).toEqual(["month", "top-n"]);
    expect(labels("inputs.month.si")).toContain("size()");
    expect(labels('inputs["')).toEqual(["month", "top-n"]);
  });

  it("offer nothing inside a text, and no value behind a value", () => {
    expect(labels('inputs.month == "in')).toBeNull();
    expect(labels("inputs.month in")).toBeNull();
    expect(labels("inputs.month == in")).toContain("inputs");
  });
});
