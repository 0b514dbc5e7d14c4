import type { Json } from "../../json";
import { BUILT_IN } from "../../document/testing/node-type";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Change, reduce } from "../../document/changes";
import { difference, type Doc, type DocNode, edgeKey } from "../../document/document";
import { Grid } from "../../graph/grid";
import { MovingGrid } from "../../graph/moving-grid";
import { GRID, NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../../graph/model";
import { outPorts } from "../../document/ports";
import { pathAroundNodes } from "../../graph/route";
import { MutableEdgePaths, edgePathsOf } from "../../graph/edge-path";

import { pathMiddle } from "./overlay";
import { SAVED_MAX, DerivedPositions } from "./derived-positions";
import { EditScene, type SceneContext, portOffset } from "./scene";
import { snap } from "./snap";

const TYPES = BUILT_IN;

const lore = (unplaced: DerivedPositions): SceneContext => ({
  icons: new Map(),
  ports: (node) => outPorts(node, TYPES),
  position: (node) => unplaced.at(node),
  rowCount: (id) => (id.endsWith("3") ? null : { text: id, outdated: id.endsWith("2") }),
});

const document = (nodes: readonly DocNode[], edges: Doc["edges"] = []): Doc => ({
  schema: "interlock/1",
  nodes,
  edges,
});

describe("snapping", () => {
  it("comes to rest on the grid where nothing is near", () => {
    expect(snap(33, -9, [], 7)).toEqual({ x: 40, y: 0, guides: [] });
    expect(onGrid(-31)).toBe(-40);
    expect(Object.is(onGrid(-1), 0)).toBe(true);
  });

  it("is level with a neighbour that is near, wherever that stands, and says so by a line through both", () => {
    const { x, y, guides } = snap(103, 211, [{ x: 107, y: 300, connected: false }], 7);
    expect([x, y]).toEqual([107, 220]);
    expect(guides).toEqual([{ axis: "x", at: 107 + NODE_WIDTH / 2, from: 220, to: 300 + NODE_HEIGHT }]);
    expect(snap(115, 0, [{ x: 107, y: 300, connected: false }], 7).x).toBe(onGrid(115));
  });

  it("would rather have an edge straight than be level with what is nearer", () => {
    const neighbours = [
      { x: 0, y: 101, connected: false },
      { x: 300, y: 95, connected: true },
    ];
    expect(snap(600, 100, neighbours, 7).y).toBe(95);
    expect(snap(600, 107, neighbours, 7).y).toBe(101);
  });

  it("never moves further than a level or half a cell is away", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5000, max: 5000 }),
        fc.integer({ min: -5000, max: 5000 }),
        fc.array(
          fc.record({
            x: fc.integer({ min: -500, max: 500 }),
            y: fc.integer({ min: -500, max: 500 }),
            connected: fc.boolean(),
          }),
        ),
        (x, y, neighbours) => {
          const to = snap(x, y, neighbours, 7);
          expect(Math.abs(to.x - x)).toBeLessThanOrEqual(GRID / 2 + 1);
          expect(Math.abs(to.y - y)).toBeLessThanOrEqual(1.5 * 7);
        },
      ),
    );
  });
});

describe("indexes that move", () => {
  const place = fc.integer({ min: -3000, max: 3000 });

  it("find what a grid that is made anew finds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, place), { minLength: 1, maxLength: 60 }),
        fc.array(fc.tuple(fc.nat(), place, place)),
        place,
        place,
        fc.integer({ min: 0, max: 9000 }),
        (nodes, moves, x, y, size) => {
          const at = Float64Array.from(nodes.flat());
          const loose = new MovingGrid(at, nodes.length);
          for (const [which, toX, toY] of moves) {
            const node = which % nodes.length;
            at[2 * node] = toX;
            at[2 * node + 1] = toY;
            loose.move(node);
          }
          const grid = new Grid(at, nodes.length);
          const found = (one: Grid | MovingGrid): number[] => {
            const all: number[] = [];
            one.within({ left: x, top: y, right: x + size, bottom: y + size }, (node) => all.push(node));
            return all.sort((a, b) => a - b);
          };
          expect(found(loose)).toEqual(found(grid));
          expect(loose.bounds).toEqual(grid.bounds);
          expect(loose.hit(x, y)).toBe(grid.hit(x, y));
        },
      ),
    );
  });

  it("lead edges as those that are made at once", () => {
    fc.assert(
      fc.property(place, place, place, place, (ax, ay, bx, by) => {
        const whole = edgePathsOf(Int32Array.of(0), Int32Array.of(1), Float64Array.of(ax, ay, bx, by));
        const loose = new MutableEdgePaths(1);
        loose.set(0, 0, 0, 300, 0, 10);
        loose.set(0, ax, ay, bx, by, NODE_HEIGHT / 2);
        expect([...loose.points.subarray(loose.start[0], loose.end[0])]).toEqual([
          ...whole.points.subarray(whole.start[0], whole.end[0]),
        ]);
        expect([...loose.boxes]).toEqual([...whole.boxes]);
      }),
    );
  });

  it("know the middle of a way", () => {
    const ways = new MutableEdgePaths(2);
    ways.set(0, 0, 0, 388, 0, 27);
    expect(pathMiddle(ways, 0)).toEqual({ x: 288, y: 27 });
    ways.set(1, 0, 0, 388, 200, 27);
    expect(pathMiddle(ways, 1)).toEqual({ x: 349, y: 127 - (161 - 39) / 2 });
  });
});

describe("the way around what stands between", () => {
  const led = (...nodes: [number, number][]): number[] => {
    const at = Float64Array.from(nodes.flat());
    const out = new Float64Array(12);
    return [...out.subarray(0, pathAroundNodes(new Grid(at, nodes.length), at, 0, 1, NODE_HEIGHT / 2, out))];
  };

  it("is the plain one where nothing does", () => {
    expect(led([0, 0], [600, 0])).toEqual([188, 27, 600, 27]);
    expect(led([0, 0], [600, 0], [300, 100])).toEqual([188, 27, 600, 27]);
    expect(led([0, 0], [600, 200])).toEqual([188, 27, 561, 27, 561, 227, 600, 227]);
  });

  it("turns at once where only the source's row is taken", () => {
    expect(led([0, 0], [600, 200], [300, 0])).toEqual([188, 27, 212, 27, 212, 227, 600, 227]);
  });

  it("runs beside the row where both stand in one, below it when that is free", () => {
    expect(led([0, 0], [600, 0], [300, 0])).toEqual([188, 27, 212, 27, 212, 71, 561, 71, 561, 27, 600, 27]);
    expect(led([0, 0], [600, 0], [300, 0], [300, 60])[5]).toBe(27 - 44);
  });

  it("is the plain one again where there is none", () => {
    expect(led([0, 0], [600, 0], [300, 0], [300, 60], [300, -60])).toEqual([188, 27, 600, 27]);
  });
});

describe("ports", () => {
  it("stand evenly along the side of a card", () => {
    expect(portOffset(1, 0)).toBe(NODE_HEIGHT / 2);
    expect([portOffset(2, 0), portOffset(2, 1)]).toEqual([18, 36]);
  });
});

describe("the scene", () => {
  /** Everything that is drawn of it. */
  const drawn = (scene: EditScene): unknown => ({
    names: scene.graph.names,
    types: scene.graph.types,
    at: [...scene.at],
    ways: scene.edges.map((edge, number) => [
      edgeKey(edge),
      ...scene.paths.points.subarray(scene.paths.start[number], scene.paths.end[number]),
    ]),
    boxes: [...scene.paths.boxes],
    bounds: scene.grid.bounds,
    labels: [...scene.labels].sort(([a], [b]) => a - b),
    ports: scene.graph.ids.map((_, node) => scene.ports(node)),
  });

  const id = fc.nat({ max: 11 }).map((number) => `n${number}`);
  const spot = fc.record({ x: fc.integer({ min: -900, max: 900 }), y: fc.integer({ min: -900, max: 900 }) });
  const node: fc.Arbitrary<DocNode> = fc
    .record({ id, type: fc.constantFrom("noop", "branch", "other"), position: fc.option(spot, { nil: undefined }) })
    .map(({ position, ...rest }) => (position ? { ...rest, position } : rest) as unknown as DocNode);
  const edge = fc
    .record({ source: id, target: id, port: fc.constantFrom(undefined, "true", "a") })
    .map(({ port, ...ends }) => (port ? { ...ends, source_port: port } : ends));
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({
      kind: fc.constant("add" as const),
      nodes: fc.array(node, { maxLength: 3 }),
      edges: fc.array(edge, { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant("remove" as const), nodes: fc.array(id, { maxLength: 2 }), edges: fc.constant([]) }),
    fc
      .array(fc.tuple(id, spot), { minLength: 1, maxLength: 4 })
      .map((to) => ({ kind: "move" as const, to: new Map<string, Position>(to) })),
    fc.record({
      kind: fc.constant("set" as const),
      node: id,
      path: fc.constant(["name"]),
      value: fc.constantFrom("One", "Another", undefined),
    }),
    fc.record({
      kind: fc.constant("set" as const),
      node: id,
      path: fc.constant(["type"]),
      value: fc.constantFrom("noop", "branch"),
    }),
    fc.record({
      kind: fc.constant("set" as const),
      node: id,
      path: fc.constant(["config"]),
      value: fc.constantFrom<Json>(
        {},
        {
          cases: [
            { port: "a", when: "true" },
            { port: "b", when: "true" },
          ],
          default: "c",
        },
      ),
    }),
    fc.record({
      kind: fc.constant("set" as const),
      node: id,
      path: fc.constant(["position"]),
      value: fc.constant(undefined),
    }),
    fc.record({ kind: fc.constant("rename" as const), node: id, id }),
  );

  it("is after any edits what it would be if it were made anew", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        let doc = document([]);
        const unplaced = new DerivedPositions();
        const scene = new EditScene(doc, lore(unplaced));
        for (const one of changes) {
          const next = reduce(doc, one);
          if (next === doc) continue;
          const diff = difference(doc, next);
          doc = next;
          unplaced.update(doc, diff);
          scene.update(doc, diff);
          expect(drawn(scene)).toEqual(drawn(new EditScene(doc, lore(unplaced))));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("touches of a move only the edges at the node", () => {
    const nodes = [..."abc"].map((name, at) => ({ id: name, type: "noop", position: { x: 300 * at, y: 0 } }));
    const doc = document(nodes, [
      { source: "a", target: "b" },
      { source: "b", target: "c" },
    ]);
    const scene = new EditScene(doc, lore(new DerivedPositions()));
    const next = reduce(doc, { kind: "move", to: new Map([["c", { x: 700, y: 100 }]]) });
    expect(scene.update(next, difference(doc, next))).toEqual({ rebuilt: false, nodes: [], moved: true });
    expect([...scene.paths.points.subarray(0, 4)]).toEqual([188, 27, 300, 27]);
    expect(scene.paths.boxes[7]).toBe(127);
    expect(scene.findEdge(edgeKey({ source: "b", target: "c" }))).toBe(1);
    expect(scene.findEdge(edgeKey({ source: "c", target: "a" }))).toBe(-1);
  });

  it("leaves out edges whose ends are not there, and places that nobody could see", () => {
    const scene = new EditScene(
      document(
        [{ id: "a", position: { x: 1e300, y: -4 } }],
        [
          { source: "a", target: "gone" },
          { source: "a", target: "a" },
        ],
      ),
      lore(new DerivedPositions()),
    );
    expect(scene.graph.edges).toBe(0);
    expect(scene.at[0]).toBe(5e6);
  });
});

describe("places that nobody gave", () => {
  const bare = (name: string): DocNode => ({ id: name, type: "noop" });

  it("stay while the document is edited, through a change of the id too, and stand below what is placed", () => {
    const unplaced = new DerivedPositions();
    const doc = document([{ id: "a", position: { x: 40, y: 60 } }, bare("b")]);
    unplaced.fill(doc, ["a", "b"]);
    const { x, y } = unplaced.of("b");
    expect([x, y > 60 + NODE_HEIGHT]).toEqual([40, true]);
    const named = reduce(doc, { kind: "rename", node: "b", id: "c" });
    unplaced.update(named, difference(doc, named));
    expect(unplaced.of("c")).toEqual({ x, y });
  });

  it("are saved along with the first that is moved, as long as they are few", () => {
    const many = [...Array(SAVED_MAX + 2).keys()].map((at) => bare(`n${at}`));
    const to = new Map([["n0", { x: 5, y: 5 }]]);
    const few = document(many.slice(0, 3));
    const unplaced = new DerivedPositions();
    unplaced.fill(few, ["n0", "n1", "n2"]);
    expect([...unplaced.toSave(few, to).keys()].sort()).toEqual(["n0", "n1", "n2"]);
    expect(unplaced.toSave(few, to).get("n0")).toEqual({ x: 5, y: 5 });
    expect(unplaced.toSave(document(many), to)).toBe(to);
  });

  it("hold for nodes that all have the same corner, which says nothing", () => {
    const unplaced = new DerivedPositions();
    const node: DocNode = { id: "a", position: { x: 0, y: 0 } };
    expect(unplaced.at(node)).toEqual({ x: 0, y: 0 });
    unplaced.set("a", { x: 300, y: 20 });
    expect(unplaced.at(node)).toEqual({ x: 300, y: 20 });
    expect(unplaced.at({ ...node, position: { x: 1, y: 0 } })).toEqual({ x: 1, y: 0 });
  });
});
