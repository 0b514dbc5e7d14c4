import { describe, expect, it } from "vitest";
import { fillMissing } from "./layout/arrange";
import { Finder } from "./find";
import { Grid } from "./grid";
import { isTall, layeredLayout, layersOf, type LayoutInput, type Positions } from "./layout/layered";
import { edgesAt, type Graph, isPlaced, makeGraph, NODE_HEIGHT, NODE_WIDTH, readGraph } from "./model";
import { drawBevelled, distanceToPath, edgePath, edgePathsOf } from "./edge-path";
import { neighbour } from "./walk";
import { random } from "../testing/random";

function input(size: number, edges: readonly (readonly [number, number])[]): LayoutInput {
  return {
    size,
    sources: Int32Array.from(edges, ([source]) => source),
    targets: Int32Array.from(edges, ([, target]) => target),
  };
}

/** A graph without cycle, its nodes not in the order of their edges. */
function anyGraph(seed: number): LayoutInput {
  const next = random(seed);
  const size = 1 + Math.floor(next() * 120);
  const names = [...Array(size).keys()].sort(() => next() - 0.5);
  const edges: [number, number][] = [];
  const wanted = Math.floor(next() * 4 * size);
  for (let count = 0; count < wanted; count += 1) {
    const a = Math.floor(next() * size);
    const b = Math.floor(next() * size);
    if (a !== b) edges.push([names[Math.min(a, b)] ?? 0, names[Math.max(a, b)] ?? 0]);
  }
  return input(size, edges);
}

function overlap(at: Positions, size: number): [number, number] | null {
  const order = [...Array(size).keys()].sort((a, b) => (at[2 * a] ?? 0) - (at[2 * b] ?? 0));
  for (let first = 0; first < size; first += 1) {
    for (let second = first + 1; second < size; second += 1) {
      const a = order[first] ?? 0;
      const b = order[second] ?? 0;
      if ((at[2 * b] ?? 0) >= (at[2 * a] ?? 0) + NODE_WIDTH) break;
      if (Math.abs((at[2 * a + 1] ?? 0) - (at[2 * b + 1] ?? 0)) < NODE_HEIGHT) return [a, b];
    }
  }
  return null;
}

function leadsRight(graph: LayoutInput, at: Positions): boolean {
  return [...graph.sources.keys()].every(
    (edge) => (at[2 * (graph.targets[edge] ?? 0)] ?? 0) >= (at[2 * (graph.sources[edge] ?? 0)] ?? 0) + NODE_WIDTH,
  );
}

describe("the layered layout", () => {
  it("puts no node over another, leads every edge to the right, and gives the same each time, for any graph", () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const graph = anyGraph(seed);
      const at = layeredLayout(graph);
      expect([seed, overlap(at, graph.size)]).toEqual([seed, null]);
      expect([seed, leadsRight(graph, at)]).toEqual([seed, true]);
      expect(layeredLayout(graph)).toEqual(at);
      expect([...at].every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }
  });

  it("keeps chains beside each other straight", () => {
    const edges: [number, number][] = [];
    for (let chain = 0; chain < 5; chain += 1)
      for (let step = 0; step < 9; step += 1) edges.push([chain * 10 + step, chain * 10 + step + 1]);
    const at = layeredLayout(input(50, edges));
    for (let chain = 0; chain < 5; chain += 1) {
      const heights = new Set([...Array(10).keys()].map((step) => at[2 * (chain * 10 + step) + 1]));
      expect(heights.size).toBe(1);
    }
  });

  it("wraps a fan-out of thousands into a block that is about twice as wide as high", () => {
    const size = 5002;
    const edges: [number, number][] = [];
    for (let node = 1; node <= 5000; node += 1) edges.push([0, node], [node, 5001]);
    const graph = input(size, edges);
    const at = layeredLayout(graph);
    const { bounds } = new Grid(at, size);
    const aspect = (bounds.right - bounds.left) / (bounds.bottom - bounds.top);
    expect(aspect).toBeGreaterThan(1.2);
    expect(aspect).toBeLessThan(3.5);
    expect(leadsRight(graph, at)).toBe(true);
    expect(overlap(at, size)).toBe(null);
  });

  it("calls a fan-out of two hundred tall, and a chain or a few branches not", () => {
    const fan = (width: number): [number, number][] => Array.from({ length: width }, (_, index) => [0, index + 1]);
    expect(isTall(input(201, fan(200)))).toBe(true);
    expect(isTall(input(21, fan(20)))).toBe(false);
    expect(isTall(input(0, []))).toBe(false);
  });

  it("puts a node without upstream right before the one that needs it", () => {
    const at = layeredLayout(
      input(5, [
        [0, 1],
        [1, 2],
        [2, 3],
        [4, 3],
      ]),
    );
    expect(at[8]).toBe(at[4]);
  });

  it("counts the longest way to a node", () => {
    expect([
      ...layersOf(
        input(4, [
          [0, 1],
          [1, 2],
          [0, 2],
          [2, 3],
        ]),
      ),
    ]).toEqual([0, 1, 2, 3]);
  });

  it("takes a chain of 10,000 nodes and a graph of 50,000 edges in about a second", () => {
    const next = random(7);
    const edges: [number, number][] = [];
    for (let node = 1; node < 10_000; node += 1) {
      for (let count = 0; count < 5; count += 1) edges.push([Math.max(0, node - 1 - Math.floor(next() * 300)), node]);
    }
    const graph = input(10_000, edges);
    const began = performance.now();
    const at = layeredLayout(graph);
    // Alone it takes about 100 ms; machines that test are busy.
    expect(performance.now() - began).toBeLessThan(1500);
    expect(leadsRight(graph, at)).toBe(true);
    expect(
      layeredLayout(
        input(
          10_000,
          [...Array(9999).keys()].map((node) => [node, node + 1] as const),
        ),
      ).length,
    ).toBe(20_000);
  });
});

describe("the way of an edge", () => {
  const corners = (ax: number, ay: number, bx: number, by: number): number[] => {
    const out = new Float64Array(12);
    return [...out.subarray(0, edgePath(ax, ay, bx, by, out))];
  };

  it("is straight where it can be", () => {
    expect(corners(0, 0, 300, 0)).toEqual([188, 27, 300, 27]);
  });

  it("bends right before its target, so that all edges into one node join", () => {
    expect(corners(0, 0, 300, 100)).toEqual([188, 27, 261, 27, 261, 127, 300, 127]);
    expect(corners(-500, 400, 300, 100).slice(-4)).toEqual([261, 127, 300, 127]);
  });

  it("goes around when its target stands to the left", () => {
    const points = corners(500, 0, 0, 200);
    expect(points).toHaveLength(12);
    expect(points.slice(-4)).toEqual([-24, 227, 0, 227]);
  });

  it("has runs that are horizontal or vertical, joined at 45 degrees", () => {
    const next = random(3);
    for (let round = 0; round < 300; round += 1) {
      const out = new Float64Array(12);
      const length = edgePath(next() * 900, next() * 900, next() * 900, next() * 900, out);
      const drawn: [number, number][] = [];
      drawBevelled(out, 0, length, { moveTo: (x, y) => drawn.push([x, y]), lineTo: (x, y) => drawn.push([x, y]) });
      for (let at = 1; at < drawn.length; at += 1) {
        const [ax = 0, ay = 0] = drawn[at - 1] ?? [];
        const [bx = 0, by = 0] = drawn[at] ?? [];
        const dx = Math.abs(bx - ax);
        const dy = Math.abs(by - ay);
        expect(dx < 1e-6 || dy < 1e-6 || Math.abs(dx - dy) < 1e-6).toBe(true);
      }
      expect(drawn.at(-1)).toEqual([out[length - 2], out[length - 1]]);
    }
  });

  it("knows its box and how far a point is from it", () => {
    const ways = edgePathsOf(Int32Array.of(0), Int32Array.of(1), Float64Array.of(0, 0, 300, 100));
    expect([...ways.boxes]).toEqual([188, 27, 300, 127]);
    expect(distanceToPath(ways, 0, 261, 80)).toBe(0);
    expect(distanceToPath(ways, 0, 200, 31)).toBe(4);
  });

  it("takes the corners that a layout gave", () => {
    const ways = edgePathsOf(
      Int32Array.of(0),
      Int32Array.of(1),
      Float64Array.of(0, 0, 300, 100),
      new Map([[0, [1, 2, 3, 2, 3, 9, 10, 9]]]),
    );
    expect([...ways.points.subarray(0, ways.end[0])]).toEqual([1, 2, 3, 2, 3, 9, 10, 9]);
  });
});

describe("the grid", () => {
  it("finds exactly the nodes in a box and the one at a point, wherever they stand", () => {
    const next = random(11);
    for (let round = 0; round < 60; round += 1) {
      const size = Math.floor(next() * 80);
      const spread = [100, 4000, 1e9][round % 3] ?? 0;
      const at = Float64Array.from({ length: 2 * size }, () => (next() - 0.5) * spread);
      const grid = new Grid(at, size);
      const left = (next() - 0.5) * spread;
      const top = (next() - 0.5) * spread;
      const box = { left, top, right: left + next() * spread, bottom: top + next() * spread };
      const found: number[] = [];
      grid.within(box, (node) => found.push(node));
      const inside = (x: number, y: number): boolean =>
        x <= box.right && x + NODE_WIDTH >= box.left && y <= box.bottom && y + NODE_HEIGHT >= box.top;
      const expected = [...Array(size).keys()].filter((node) => inside(at[2 * node] ?? 0, at[2 * node + 1] ?? 0));
      expect(found.sort((a, b) => a - b)).toEqual(expected);
      for (let node = 0; node < size; node += 1)
        expect(grid.hit((at[2 * node] ?? 0) + 5, (at[2 * node + 1] ?? 0) + 5)).toBeGreaterThanOrEqual(node);
    }
  });

  it("has nothing to find in an empty graph", () => {
    const grid = new Grid(new Float64Array(0), 0);
    expect(grid.hit(0, 0)).toBe(-1);
    expect(grid.bounds).toEqual({ left: 0, top: 0, right: 0, bottom: 0 });
  });
});

describe("the model", () => {
  it("reads what the server sends", () => {
    const graph = readGraph({
      nodes: [
        ["a", "Node A", "noop", 1, 2],
        ["b", "b", "branch"],
        ["c", "c", "noop"],
      ],
      edges: [
        [0, 1],
        [1, 2, "true", "b"],
      ],
      icons: { noop: "dot", branch: "split" },
    });
    expect(graph?.ids).toEqual(["a", "b", "c"]);
    expect(graph?.ports).toEqual(["out", "true"]);
    expect(graph?.icons.get("branch")).toBe("split");
    expect([...(graph?.placed ?? [])]).toEqual([1, 2, NaN, NaN, NaN, NaN]);
    expect([...edgesAt((graph as Graph).outOf, 1)]).toEqual([1]);
    expect([...edgesAt((graph as Graph).into, 0)]).toEqual([]);
  });

  it("refuses what is no graph", () => {
    for (const wrong of [
      {},
      { nodes: [], edges: {} },
      { nodes: [["a"]], edges: [] },
      { nodes: [["a", "a", "noop"]], edges: [[0, 1]] },
      { nodes: [["a", "a", "noop"]], edges: [[0, 0.5]] },
    ]) {
      expect(readGraph(wrong)).toBe(null);
    }
  });

  it("takes places that are missing, or all at 0, for none", () => {
    expect(isPlaced(makeGraph([{ id: "a" }, { id: "b" }], []))).toBe(false);
    expect(
      isPlaced(
        makeGraph(
          [
            { id: "a", x: 0, y: 0 },
            { id: "b", x: 0, y: 0 },
          ],
          [],
        ),
      ),
    ).toBe(false);
    expect(
      isPlaced(
        makeGraph(
          [
            { id: "a", x: 0, y: 0 },
            { id: "b", x: 9, y: 0 },
          ],
          [],
        ),
      ),
    ).toBe(true);
  });
});

describe("walking", () => {
  // a -> b, a -> c, b -> d, c -> d; e stands alone below.
  const graph = makeGraph(
    [..."abcde"].map((id) => ({ id })),
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ],
  );
  const at = Float64Array.of(0, 50, 300, 0, 300, 100, 600, 50, 0, 400);
  it("goes along edges to the left and right, and among siblings up and down", () => {
    expect(neighbour(graph, at, 0, "right")).toBe(1);
    expect(neighbour(graph, at, 1, "down")).toBe(2);
    expect(neighbour(graph, at, 2, "up")).toBe(1);
    expect(neighbour(graph, at, 2, "right")).toBe(3);
    expect(neighbour(graph, at, 3, "left")).toBe(1);
    expect(neighbour(graph, at, 0, "left")).toBe(-1);
    expect(neighbour(graph, at, 1, "up")).toBe(-1);
  });
  it("reaches what no edge leads to", () => {
    expect(neighbour(graph, at, 0, "down")).toBe(4);
    expect(neighbour(graph, at, 3, "down")).toBe(2);
  });
});

describe("places of nodes that nobody placed", () => {
  it("are those of a layout of the whole, and below what stands there", () => {
    const placed = Float64Array.from([0, 0, NaN, NaN, NaN, NaN, NaN, NaN]);
    const whole = Float64Array.from([300, 300, 10, 20, 260, 20, 0, 100]);
    const at = fillMissing(placed, whole);
    expect(Array.from(at.slice(0, 2))).toEqual([0, 0]);
    expect(Array.from(at.slice(4, 6))).toEqual([260, 20]);
    for (let one = 0; one < 4; one += 1)
      for (let other = 0; other < one; other += 1) {
        const [dx, dy] = [0, 1].map((axis) => Math.abs((at[2 * one + axis] ?? 0) - (at[2 * other + axis] ?? 0)));
        expect((dx ?? 0) >= NODE_WIDTH || (dy ?? 0) >= NODE_HEIGHT).toBe(true);
      }
  });
});

describe("finding", () => {
  it("puts whole names first, then beginnings, then words, then the rest", () => {
    const names = ["Unclean data", "Make clean", "Clean flights", "clean", "other"];
    const graph = makeGraph(
      names.map((name, at) => ({ id: `n${at}`, name })),
      [],
    );
    expect(new Finder(graph).find("Clean")).toEqual([3, 2, 1, 0]);
    expect(new Finder(graph).find("n4")).toEqual([4]);
    expect(new Finder(graph).find("  ")).toEqual([]);
    expect(new Finder(graph).find("flights clean")).toEqual([2]);
  });
  it("finds one of 10,000 in far less than 100 ms", () => {
    const graph = makeGraph(
      [...Array(10_000).keys()].map((at) => ({ id: `node_${at}`, name: `Node number ${at}` })),
      [],
    );
    const finder = new Finder(graph);
    const began = performance.now();
    expect(finder.find("number 9876")).toEqual([9876]);
    expect(performance.now() - began).toBeLessThan(100);
  });
});
