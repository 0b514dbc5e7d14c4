import type { JsonObject } from "../json";
import { BUILT_IN } from "./testing/node-type";
import type { Position } from "../graph/model";
import { describe, expect, it } from "vitest";
import { reduce } from "./changes";
import { type Doc, type DocNode, edgeKey, readDocument } from "./document";
import { pathBetween } from "./reach";

import { align, copyText, duplicate, moveNodes, nudge, paste } from "./placement-verbs";
import { addNode, removeSelection, makeRoomOnEdge } from "./node-verbs";
import { applyFix, type VerbResult } from "./verb";
import { connect, insertOnEdge, reconnect, toggleOrder } from "./connection-verbs";
import { renameNode, setId } from "./naming-verbs";

const types = BUILT_IN;
const nowhere = (): null => null;

function document(nodes: readonly (JsonObject & { id: string })[], edges: readonly JsonObject[] = []): Doc {
  return readDocument({
    schema: "interlock/1",
    nodes: nodes.map((node) => ({ type: "noop", ...node })),
    edges: [...edges],
  }) as Doc;
}
function done(doc: Doc, verb: VerbResult): Doc {
  if ("refused" in verb) throw new Error(verb.refused);
  return verb.changes.reduce(reduce, doc);
}
const refused = (verb: VerbResult): string => ("refused" in verb ? verb.refused : "");
const node = (doc: Doc, id: string): DocNode => doc.nodes.find((one) => one.id === id) as DocNode;
const wires = (doc: Doc): string[] =>
  doc.edges.map(
    (edge) =>
      `${edge.source}${edge["source_port"] ? `:${String(edge["source_port"])}` : ""}>${edge.target}${edge["target_port"] ? `:${String(edge["target_port"])}` : ""}`,
  );
const key = (doc: Doc, at: number): string => edgeKey(doc.edges[at] as Doc["edges"][number]);

const chain = document(
  [
    { id: "load", type: "table.read", name: "Load flights", position: { x: 0, y: 0 } },
    {
      id: "clean",
      type: "table.sql",
      name: "Clean",
      config: { sql: "select * from load where load.delay > 0" },
      position: { x: 300, y: 0 },
    },
    { id: "out", type: "table.write", name: "Write", position: { x: 600, y: 0 } },
  ],
  [
    { source: "load", target: "clean" },
    { source: "clean", target: "out" },
  ],
);

describe("adding", () => {
  it("makes ids and names of its own, and what the schema asks for", () => {
    let doc = done(document([]), addNode(document([]), types, "python", { at: { x: 1.4, y: 2 } }, nowhere));
    expect(doc.nodes).toEqual([
      {
        id: "python",
        type: "python",
        name: "Python",
        config: { code: "def main(inputs, ctx):\n    return None\n" },
        position: { x: 1, y: 2 },
      },
    ]);
    doc = done(doc, addNode(doc, types, "python", { at: null }, nowhere));
    expect(doc.nodes.map(({ id, name }) => [id, name])).toEqual([
      ["python", "Python"],
      ["python_2", "Python 2"],
    ]);
  });
  it("from a wire connects, stands beside it, and SQL reads what comes in", () => {
    const doc = done(
      chain,
      addNode(chain, types, "table.sql", { at: null, from: { node: "load", port: "out" } }, nowhere),
    );
    expect(wires(doc)).toContain("load>sql");
    expect(node(doc, "sql")["config"]).toEqual({ sql: "select * from load" });
    expect(node(doc, "sql")["position"]).not.toEqual(node(doc, "clean")["position"]);
  });
  it("into a wire keeps the name that the target reads, and makes room", () => {
    const doc = done(chain, addNode(chain, types, "table.sql", { at: null, edge: key(chain, 0) }, nowhere));
    expect(wires(doc)).toEqual(["sql>clean:load", "clean>out", "load>sql"]);
    const places = done(
      chain,
      addNode(
        chain,
        types,
        "python",
        { at: null, edge: key(chain, 0) },
        (id) => node(chain, id)["position"] as { x: number; y: number },
      ),
    );
    expect(node(places, "clean")["position"]).toEqual({ x: 532, y: 0 });
    expect(node(places, "out")["position"]).toEqual({ x: 832, y: 0 });
  });
  it("let go over a wire goes between its ends where it would cover one, else it stays there", () => {
    const place = (id: string): { x: number; y: number } => node(chain, id)["position"] as { x: number; y: number };
    const beside = { x: place("load").x + 100, y: place("load").y + 10 };
    const over = done(chain, addNode(chain, types, "python", { at: beside, edge: key(chain, 0) }, place));
    expect(over).toEqual(done(chain, addNode(chain, types, "python", { at: null, edge: key(chain, 0) }, place)));
    const below = { x: beside.x, y: place("load").y + 200 };
    const free = done(chain, addNode(chain, types, "python", { at: below, edge: key(chain, 0) }, place));
    expect(node(free, "python")["position"]).toEqual(below);
    expect(node(free, "clean")["position"]).toEqual(place("clean"));
    expect(makeRoomOnEdge(chain, key(chain, 0), "out", below, place)).toEqual([]);
    expect(makeRoomOnEdge(chain, key(chain, 0), "p", beside, place)[0]).toMatchObject({ kind: "move" });
  });
});

describe("wires", () => {
  it("that close a cycle are refused, and say the way", () => {
    expect(refused(connect(chain, types, { node: "out", port: "out" }, "load"))).toBe(
      "Write already depends on Load flights: Load flights → Clean → Write",
    );
    expect(refused(connect(chain, types, { node: "clean", port: "out" }, "clean"))).toContain("itself");
    expect(refused(connect(chain, types, { node: "load", port: "out" }, "clean"))).toContain("already");
  });
  it("out of a branch name their port; both ports may lead into one node", () => {
    let doc = document([
      { id: "b", type: "branch" },
      { id: "x", type: "python" },
    ]);
    expect(refused(connect(doc, types, { node: "b", port: "out" }, "x"))).toContain("true, false");
    doc = done(doc, connect(doc, types, { node: "b", port: "true" }, "x"));
    doc = done(doc, connect(doc, types, { node: "b", port: "false" }, "x"));
    expect(wires(doc)).toEqual(["b:true>x", "b:false>x"]);
  });
  it("get a name of their own where theirs is taken", () => {
    const doc = document(
      [{ id: "a" }, { id: "b" }, { id: "c", type: "python" }],
      [{ source: "a", target: "c", target_port: "b" }],
    );
    expect(wires(done(doc, connect(doc, types, { node: "b", port: "out" }, "c")))).toEqual(["a>c:b", "b>c:b_2"]);
  });
  it("led from elsewhere keep the name that is read, and no other", () => {
    const doc = { ...chain, nodes: [...chain.nodes, { id: "other", type: "table.read" }] };
    expect(wires(done(doc, reconnect(doc, types, key(doc, 0), "source", "other")))).toEqual([
      "other>clean:load",
      "clean>out",
    ]);
    expect(wires(done(doc, reconnect(doc, types, key(doc, 1), "source", "other")))).toEqual([
      "load>clean",
      "other>out",
    ]);
    expect(wires(done(doc, reconnect(doc, types, key(doc, 0), "target", "out")))).toEqual(["load>out", "clean>out"]);
    expect(refused(reconnect(doc, types, key(doc, 0), "source", "out"))).toContain("depends");
  });
  it("do not share a name that only ports of one branch may share", () => {
    const doc = document(
      [{ id: "b", type: "branch" }, { id: "s" }, { id: "t", type: "python.function" }],
      [
        { source: "b", source_port: "true", target: "t" },
        { source: "b", source_port: "false", target: "t" },
      ],
    );
    expect(wires(done(doc, reconnect(doc, types, key(doc, 1), "source", "s")))).toEqual(["b:true>t", "s>t:b_2"]);
  });
  it("only order when asked to, and bring their value again under a free name", () => {
    const doc = document(
      [{ id: "a" }, { id: "b" }, { id: "c", type: "python" }],
      [
        { source: "a", target: "c", target_port: "x" },
        { source: "b", target: "c", target_port: "a" },
      ],
    );
    const ordering = done(doc, toggleOrder(doc, new Set([key(doc, 0)])));
    expect(ordering.edges[0]).toEqual({ source: "a", target: "c", order: true });
    const back = done(ordering, toggleOrder(ordering, new Set([key(ordering, 0)])));
    expect(back.edges[0]).toEqual({ source: "a", target: "c", target_port: "a_2" });
    const both = done(ordering, toggleOrder(ordering, new Set([key(ordering, 0), key(ordering, 1)])));
    expect(both.edges.map((edge) => edge["order"])).toEqual([true, true]);
  });
  it("that only order still do so when they are led elsewhere, split or joined", () => {
    const doc = document(
      [{ id: "a" }, { id: "b" }, { id: "c", type: "python" }, { id: "d" }],
      [{ source: "a", target: "c", order: true }],
    );
    const moved = done(doc, reconnect(doc, types, key(doc, 0), "source", "b"));
    expect(moved.edges).toEqual([{ source: "b", target: "c", order: true }]);
    const split = done(doc, insertOnEdge(doc, types, key(doc, 0), "d"));
    expect(split.edges.find(({ target }) => target === "c")).toEqual({ source: "d", target: "c", order: true });
    const joined = done(split, removeSelection(split, { nodes: new Set(["d"]), edges: new Set() }, types));
    expect(joined.edges).toEqual(doc.edges);
    expect(done(doc, setId(doc, "a", "z", types)).edges).toEqual([{ source: "z", target: "c", order: true }]);
  });
  it("take a node in between, which keeps the wires that it has", () => {
    const doc = { ...chain, nodes: [...chain.nodes, { id: "p", type: "python", name: "P" }] };
    expect(wires(done(doc, insertOnEdge(doc, types, key(doc, 0), "p")))).toEqual([
      "p>clean:load",
      "clean>out",
      "load>p",
    ]);
    expect(refused(insertOnEdge(doc, types, key(doc, 1), "load"))).toContain("no input");
    expect(refused(insertOnEdge(doc, types, key(doc, 0), "out"))).toContain("depends");
  });
});

describe("removing", () => {
  const all = (ids: string[]): { nodes: Set<string>; edges: Set<string> } => ({
    nodes: new Set(ids),
    edges: new Set(),
  });
  it("joins what was before and after, under the name that is read", () => {
    const doc = {
      ...chain,
      nodes: [
        ...chain.nodes,
        { id: "end", type: "python", config: { code: 'def main(inputs, ctx):\n    return inputs["out"]' } },
      ],
      edges: [...chain.edges, { source: "out", target: "end" }],
    };
    expect(wires(done(doc, removeSelection(doc, all(["clean"]), types)))).toEqual(["out>end", "load>out"]);
    expect(wires(done(doc, removeSelection(doc, all(["clean", "out"]), types)))).toEqual(["load>end:out"]);
    expect(wires(done(doc, removeSelection(doc, all(["load"]), types)))).toEqual(["clean>out", "out>end"]);
  });
  it("joins nothing that was not led on", () => {
    const doc = document(
      [{ id: "s" }, { id: "x" }, { id: "y" }, { id: "t" }],
      [
        { source: "s", target: "x" },
        { source: "y", target: "x" },
        { source: "y", target: "t" },
      ],
    );
    expect(wires(done(doc, removeSelection(doc, all(["x", "y"]), types)))).toEqual([]);
  });
  it("joins nothing where there are several, and takes wires alone", () => {
    const doc = {
      ...chain,
      nodes: [...chain.nodes, { id: "x", type: "noop" }],
      edges: [...chain.edges, { source: "clean", target: "x" }],
    };
    expect(wires(done(doc, removeSelection(doc, all(["clean"]), types)))).toEqual([]);
    expect(wires(done(doc, removeSelection(doc, { nodes: new Set(), edges: new Set([key(doc, 1)]) }, types)))).toEqual([
      "load>clean",
      "clean>x",
    ]);
    expect(refused(removeSelection(doc, all([]), types))).toContain("Nothing");
  });
});

const places = (doc: Doc): unknown[] =>
  doc.nodes.map(({ position }) => (position ? Object.values(position as object) : null));

describe("copies", () => {
  it("have ids of their own, inner wires, and read each other", () => {
    const doc = done(chain, duplicate(chain, ["load", "clean"], nowhere, types));
    expect(wires(doc)).toEqual(["load>clean", "clean>out", "load_2>clean_2"]);
    expect(node(doc, "clean_2")["config"]).toEqual({ sql: "select * from load_2 where load_2.delay > 0" });
    expect(node(doc, "clean_2")["name"]).toBe("Clean 2");
    expect(node(doc, "clean_2")["position"]).toEqual({ x: 300, y: 80 });
  });
  it("stand on the grid, where a card covers no other, also of those that nobody placed", () => {
    const doc = document([
      { id: "a", position: { x: 33, y: 7 } },
      { id: "b", position: { x: 250, y: 90 } },
      { id: "c" },
    ]);
    const shown = (id: string): Position | null => (id === "c" ? { x: 40, y: 180 } : null);
    expect(places(done(doc, duplicate(doc, ["a"], shown, types))).at(-1)).toEqual([40, 100]);
    expect(places(done(doc, duplicate(doc, ["a", "b"], shown, types))).slice(-2)).toEqual([
      [40, 260],
      [257, 343],
    ]);
  });
  it("take no name under which something else comes in", () => {
    const doc = document(
      [{ id: "a" }, { id: "b" }, { id: "t", type: "python" }],
      [
        { source: "a", target: "t" },
        { source: "b", target: "t", target_port: "a_2" },
      ],
    );
    expect(wires(done(doc, duplicate(doc, ["a", "b", "t"], nowhere, types))).slice(2)).toEqual([
      "a_2>t_2:a",
      "b_2>t_2:a_2",
    ]);
  });
  it("go through text into another workflow, and keep their ids there", () => {
    const empty = document([]);
    const doc = done(empty, paste(empty, copyText(chain, ["load", "clean"]), { x: 100, y: 100 }, nowhere, types));
    expect(doc.nodes.map(({ id }) => id)).toEqual(["load", "clean"]);
    expect(wires(doc)).toEqual(["load>clean"]);
    expect(node(doc, "clean")["position"]).toEqual({ x: 400, y: 100 });
    expect(node(doc, "clean")["config"]).toEqual({ sql: "select * from load where load.delay > 0" });
  });
  it("of a definition, of one node, and of nothing", () => {
    const empty = document([]);
    expect(done(empty, paste(empty, JSON.stringify(chain), null, nowhere, types)).nodes).toHaveLength(3);
    expect(done(empty, paste(empty, '{"type": "noop"}', null, nowhere, types)).nodes.map(({ id }) => id)).toEqual([
      "noop",
    ]);
    for (const text of [
      "",
      "select 1",
      "[]",
      "3",
      '{"nodes": []}',
      '{"nodes": [1]}',
      '{"interlock": "other", "nodes": [{"type": "noop"}]}',
    ])
      expect(refused(paste(empty, text, null, nowhere, types))).toContain("no node");
  });
  it("pasted twice cover nothing", () => {
    const text = copyText(chain, ["load"]);
    let doc = done(chain, paste(chain, text, null, nowhere, types));
    doc = done(doc, paste(doc, text, null, nowhere, types));
    expect(places(doc)).toEqual([
      [0, 0],
      [300, 0],
      [600, 0],
      [0, 80],
      [0, 160],
    ]);
    doc = done(doc, paste(doc, text, { x: 20, y: 130 }, nowhere, types));
    expect(places(doc).at(-1)).toEqual([20, 240]);
  });
});

describe("names", () => {
  it("are followed by the id and by what reads it, until the node is published", () => {
    const doc = done(chain, renameNode(chain, types, "load", "All flights", new Set()));
    expect(node(doc, "all_flights")["name"]).toBe("All flights");
    expect(wires(doc)).toEqual(["all_flights>clean", "clean>out"]);
    expect(node(doc, "clean")["config"]).toEqual({ sql: "select * from all_flights where all_flights.delay > 0" });
    expect(done(chain, renameNode(chain, types, "load", "All flights", new Set(["load"]))).edges).toBe(chain.edges);
    expect(done(chain, renameNode(chain, types, "load", "All flights", null)).edges).toBe(chain.edges);
    expect(node(done(chain, renameNode(chain, types, "load", "out", new Set())), "out_2")["name"]).toBe("out");
    expect(node(done(chain, renameNode(chain, types, "load", "航班", new Set())), "load")["name"]).toBe("航班");
  });
  it("that the code hides stay under the old name", () => {
    const doc = {
      ...chain,
      nodes: [...chain.nodes, { id: "f", type: "python.function" }],
      edges: [...chain.edges, { source: "load", target: "f" }],
    };
    expect(wires(done(doc, renameNode(doc, types, "load", "Raw", new Set())))).toEqual([
      "raw>clean",
      "clean>out",
      "raw>f:load",
    ]);
  });
  it("of ids are checked", () => {
    expect(refused(setId(chain, "load", "Load", types))).toContain("lowercase letter");
    expect(refused(setId(chain, "load", "clean", types))).toContain("Clean");
    expect(node(done(chain, setId(chain, "load", "raw", types)), "raw")["name"]).toBe("Load flights");
  });
});

describe("places", () => {
  it("are moved, nudged and put in line", () => {
    expect(node(done(chain, moveNodes(chain, new Map([["load", { x: 5.4, y: 6 }]]))), "load")["position"]).toEqual({
      x: 5,
      y: 6,
    });
    const verb = nudge(chain, ["load", "clean"], 0, 8, nowhere);
    expect("mergeKey" in verb && verb.mergeKey).toBe("nudge load clean");
    expect(node(done(chain, verb), "clean")["position"]).toEqual({ x: 300, y: 8 });
    const down = done(chain, align(chain, ["load", "clean", "out"], "left", nowhere));
    expect(down.nodes.map((one) => (one["position"] as JsonObject)["x"])).toEqual([0, 0, 0]);
    const moved = done(chain, moveNodes(chain, new Map([["clean", { x: 100, y: 0 }]])));
    expect(node(done(moved, align(moved, ["load", "clean", "out"], "across", nowhere)), "clean")["position"]).toEqual({
      x: 300,
      y: 0,
    });
    expect(refused(align(chain, ["load"], "left", nowhere))).toContain("at least 2");
  });
  it("nothing moved is no edit", () => {
    expect(done(chain, moveNodes(chain, new Map([["load", { x: 0, y: 0 }]])))).toBe(chain);
  });
});

it("repairs are one change", () => {
  const problem = {
    node: "load",
    path: "",
    code: "",
    message: "",
    severity: "error",
    line: null,
    span: null,
    fix: { label: "Call it raw", changes: [{ op: "replace", path: "/nodes/0/name", value: "raw" }] },
  } as const;
  expect(node(done(chain, applyFix(problem)), "load")["name"]).toBe("raw");
  expect(refused(applyFix({ ...problem, fix: null }))).not.toBe("");
});

it("finds the way among 10,000 nodes and 50,000 edges at once", () => {
  const nodes = Array.from({ length: 10_000 }, (_, at) => ({ id: `n${at}` }));
  const edges = Array.from({ length: 50_000 }, (_, at) => ({
    source: `n${at % 9999}`,
    target: `n${Math.min(9999, (at % 9999) + 1 + Math.floor(at / 9999))}`,
  }));
  const doc = document(nodes, edges);
  expect(pathBetween(doc, "n0", "n9999")?.length).toBeGreaterThan(1000);
  const start = performance.now();
  for (let at = 0; at < 10; at += 1) expect(pathBetween(doc, `n${5000 + at}`, "n1")).toBeNull();
  expect(performance.now() - start).toBeLessThan(2000);
});
