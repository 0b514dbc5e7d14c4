import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Scope } from "../options";
import { sqlOptions } from "./complete";
import type { Table } from "./query";
import { sqlPlace } from "./scope";
import { tokenize } from "./tokens";
import { FUNCTIONS, quoted } from "./words";

const flights = {
  name: "flights",
  columns: ["carrier", "dep_delay", "month", "Dep Time"].map((name) => ({ name, type: "DOUBLE" })),
};
const airlines = { name: "airlines", columns: ["carrier", "name"].map((name) => ({ name, type: "VARCHAR" })) };
const TABLES: readonly Table[] = [flights, airlines, { name: "raw", columns: null }];
const SCOPE: Scope = {
  inputs: [
    ...TABLES.map(({ name, columns }) => ({ port: name, kind: "table" as const, columns })),
    { port: "settings", kind: "json", columns: null },
  ],
  workflowInputs: ["month"],
  upstream: [],
};

/** `|` is the cursor. */
const at = (text: string): [string, number] => [text.replace("|", ""), text.indexOf("|")];
const place = (text: string): ReturnType<typeof sqlPlace> => sqlPlace(...at(text), TABLES);
const offered = (text: string, explicit = false): string[] =>
  (sqlOptions(...at(text), SCOPE, explicit)?.options ?? []).map((option) => option.label);
const inserted = (text: string, label: string): string[] =>
  (sqlOptions(...at(text), SCOPE, true)?.options ?? [])
    .filter((option) => option.label === label && option.type === "column")
    .map(({ apply }) => String(apply));

describe("where one is in SQL", () => {
  it.each([
    ["select |", "value"],
    ["select a |", "after"],
    ["select * |", "after"],
    ["select a * |", "value"],
    ["select * from |", "table"],
    ["select * from fl|", "table"],
    ["select * from a join |", "table"],
    ["select * from a, |", "table"],
    ["select * from a join b on a.x = b.x, |", "table"],
    ["select f(a, |) from b", "value"],
    ["select f.|", "member"],
    ["select cast(a as |)", "type"],
    ["select a::|", "type"],
    ["select a as |", "nothing"],
    ["select 'in a t|ext'", "nothing"],
    ["select a -- not|e", "nothing"],
    ["select a /* a\n /* b */ c|*/", "nothing"],
    ["select $$ te|xt $$", "nothing"],
    ["select 12|", "nothing"],
    ["select extract(year from |)", "value"],
    ["select {{ inputs.a }} |", "after"],
    ["select {{ in|puts.a }}", "nothing"],
    ["with |", "nothing"],
  ])("%s: %s", (text, kind) => expect(place(text).kind).toBe(kind));

  it("knows the word that is written, and its quotes", () => {
    expect(place("select dep|_del from flights")).toMatchObject({ from: 7, word: "dep", inQuotes: false });
    expect(place('select "Dep T|')).toMatchObject({ from: 7, word: '"Dep T', inQuotes: true });
  });
});

describe("tables and aliases that are visible", () => {
  const sources = (text: string): string[] =>
    place(text).sources.map(({ name, table }) => (name === table ? name : `${name}=${table}`));

  it.each([
    ["select | from flights", ["flights"]],
    ["select | from flights f", ["f=flights"]],
    ["select | from flights as f join airlines a using (carrier)", ["f=flights", "a=airlines"]],
    ["select | from flights f, airlines a where f.month = 1", ["f=flights", "a=airlines"]],
    ["from flights select |", ["flights"]],
    ['select | from "flights" "F x"', ["F x=flights"]],
    ["select | from flights left join airlines on true", ["flights", "airlines"]],
    ["select a from flights union all select | from airlines", ["airlines"]],
    ["select * from flights where carrier in (select | from airlines a)", ["a=airlines", "flights"]],
    ["select * from (select | from airlines) x", ["airlines", "x="]],
    ["select round(|) from flights", ["flights"]],
    ["select f.month, | from flights f -- from airlines", ["f=flights"]],
    ["select 'from airlines', | from flights", ["flights"]],
    ["select {{ inputs.m }} + | from flights", ["flights"]],
  ])("%s", (text, names) => expect(sources(text)).toEqual(names));

  const columnsOf = (text: string, name: string): string[] | undefined =>
    place(text)
      .sources.find((source) => source.name === name)
      ?.columns?.map((column) => column.name);

  it("knows the columns of what the query itself makes", () => {
    expect(
      columnsOf("with x as (select carrier, avg(dep_delay) as delay, count(*) n from flights) select | from x", "x"),
    ).toEqual(["carrier", "delay", "n"]);
    expect(columnsOf("with x(a, b) as (select carrier, month from flights) select | from x", "x")).toEqual(["a", "b"]);
    expect(
      columnsOf("with x as (select * from airlines), y as (select x.*, 1 as one from x) select | from y", "y"),
    ).toEqual(["carrier", "name", "one"]);
    expect(columnsOf("select | from (select * exclude (name) from airlines) t", "t")).toEqual(["carrier"]);
    expect(columnsOf("select | from (from airlines) t", "t")).toEqual(["carrier", "name"]);
    expect(columnsOf("select | from airlines t(code, label)", "t")).toEqual(["code", "label"]);
    expect(columnsOf("with x as (select * from raw) select | from x", "x")).toBeUndefined();
  });

  it("does not know what comes later, or is being written", () => {
    expect(place("with x as (select | from y), y as (select 1 as a) select 1").made).toEqual([]);
    expect(place("with x as (select 1 as a), y as (select | from x) select 1").made.map(({ name }) => name)).toEqual([
      "x",
    ]);
  });

  it("never fails, whatever is written", () => {
    const piece = fc.constantFrom(
      "select ",
      "from ",
      "with ",
      "as ",
      "join ",
      "on ",
      "union ",
      "(",
      ")",
      ",",
      ".",
      "*",
      "a ",
      "flights ",
      '"',
      "'",
      "{{",
      "}}",
      "--",
      "\n",
      "/*",
      "*/",
      "exclude ",
      "$$",
      "::",
      "1",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(), (pieces, cursor) => {
        const text = pieces.join("");
        const where = cursor % (text.length + 1);
        sqlOptions(text, where, SCOPE, true);
        expect(sqlPlace(text, where, TABLES).from).toBeLessThanOrEqual(where);
        let before = 0;
        for (const { start, end } of tokenize(text)) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          before = end;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what SQL completes", () => {
  it("offers tables behind from, without being asked", () => {
    expect(offered("select * from |").slice(0, 3)).toEqual(["flights", "airlines", "raw"]);
    expect(offered("select * from |")).not.toContain("settings");
    expect(offered("with x as (select 1) select * from |")[0]).toBe("x");
  });

  it("offers columns of what is in from, of all inputs before there is a from", () => {
    expect(offered("select d| from airlines")).toContain("carrier");
    expect(offered("select d| from airlines")).not.toContain("dep_delay");
    expect(offered("select d|")).toEqual(expect.arrayContaining(["dep_delay", "name"]));
    expect(offered("select f.| from flights f")).toEqual(["carrier", "dep_delay", "month", "Dep Time"]);
    expect(offered("select x.| from flights f")).toEqual([]);
  });

  it("offers a query or values in a bracket, as what stands before it wants", () => {
    expect(offered("select round(d|) from flights")).toContain("dep_delay");
    expect(offered("select * from (s|")).toEqual(expect.arrayContaining(["select"]));
    expect(offered("select * from (s|")).not.toContain("dep_delay");
    expect(offered("select * from flights where month in (s|)")).toEqual(
      expect.arrayContaining(["select", "dep_delay"]),
    );
    expect(offered("with x as (s|")).toContain("select");
  });

  it("says whose a column is when two have it, but not in using", () => {
    expect(inserted("select c| from flights f join airlines a using (carrier)", "carrier")).toEqual([
      "f.carrier",
      "a.carrier",
    ]);
    expect(inserted("select * from flights f join airlines a using (c|)", "carrier")).toEqual(["carrier"]);
    expect(inserted("select * from flights f join airlines a using (month, c|)", "carrier")).toEqual(["carrier"]);
    expect(inserted("select D| from flights", "Dep Time")).toEqual(['"Dep Time"']);
  });

  it("offers the equality of shared columns behind on", () => {
    expect(offered("select * from flights f join airlines a on |")[0]).toBe("f.carrier = a.carrier");
  });

  it("offers the names of the select list where they can be read", () => {
    expect(offered("select avg(dep_delay) as delay from flights order by d|")).toContain("delay");
    expect(offered("select avg(dep_delay) as delay, d| from flights")).not.toContain("delay");
  });

  it("offers nothing for what is written out, so that Enter is Enter", () => {
    expect(offered("select carrier from flights where|")).toEqual([]);
    expect(offered("select month|  from flights")).toEqual([]);
    expect(offered("select mont| from flights")).toContain("month");
    expect(offered("select 1 |")).toEqual([]);
    expect(offered("select 1 |", true)).toContain("from");
  });

  it("begins with what begins a query, in the capitals of the others", () => {
    expect(new Set(offered("s|"))).toEqual(new Set(["select", "from", "with", "with recursive", "values"]));
    expect(offered("SELECT a FROM flights w|")).toContain("WHERE");
    expect(offered("SELECT a FROM flights w|")).not.toContain("dep_delay");
  });

  it("knows functions with their arguments", () => {
    const names = FUNCTIONS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => name !== "")).toBe(true);
    expect(FUNCTIONS.length).toBeGreaterThan(200);
  });

  it("puts names in quotes where SQL wants it", () => {
    expect(["a", "Dep Time", 'a"b', "select", "date", "1a"].map(quoted)).toEqual([
      "a",
      '"Dep Time"',
      '"a""b"',
      '"select"',
      "date",
      '"1a"',
    ]);
  });

  it("is quick with 500 columns and long texts", () => {
    const wide: Scope = {
      inputs: [
        {
          port: "wide",
          kind: "table",
          columns: Array.from({ length: 500 }, (_, n) => ({ name: `column_${n}`, type: "DOUBLE" })),
        },
      ],
      workflowInputs: [],
      upstream: [],
    };
    const text = `select ${Array.from({ length: 400 }, (_, n) => `column_${n}`).join(",\n  ")}, c from wide`;
    const cursor = text.lastIndexOf(" from");
    for (let n = 0; n < 5; n += 1) sqlOptions(text, cursor, wide, false);
    // The quickest of some: what else the machine does is not the matter here.
    let best = Infinity;
    for (let n = 0; n < 10; n += 1) {
      const begun = performance.now();
      expect(sqlOptions(text, cursor, wide, false)?.options.length).toBeGreaterThan(500);
      best = Math.min(best, performance.now() - begun);
    }
    expect(best).toBeLessThan(16);
  });
});
