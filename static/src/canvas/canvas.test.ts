import { Scene } from "./run/scene";
import { describe, expect, it } from "vitest";
import { makeGraph, NODE_WIDTH } from "../graph/model";
import type { NodeRun } from "../live/protocol";
import { nodeRun } from "../live/testing/runs";
import { cardLine, cardLineText } from "./card-line";
import { NEW_CARDS_PER_FRAME, CARDS_MAX, selectCards } from "./visible-cards";
import { truncate } from "./painter";
import { STATES, EdgeStyle, edgeStyle } from "./picture";
import { Viewport } from "./viewport";

function run(node: string, state: string, more: Partial<NodeRun> = {}): NodeRun {
  return nodeRun(node, state, {
    type: "python",
    attempt: state === "pending" || state === "ready" ? 0 : 1,
    output: state === "succeeded" ? { kind: "json", row_count: null, bytes: 2, ports: ["out"] } : null,
    ...more,
  });
}

describe("the track of an edge", () => {
  const kind = (source: string, target: string, port = "out"): number =>
    edgeStyle(run("a", source), run("b", target), port);

  it("is dotted until its source has ended, then set, live while its target runs, and green once passed", () => {
    expect(kind("running", "pending")).toBe(EdgeStyle.blocked);
    expect(kind("succeeded", "pending")).toBe(EdgeStyle.idle);
    expect(kind("succeeded", "ready")).toBe(EdgeStyle.idle);
    expect(kind("succeeded", "running")).toBe(EdgeStyle.live);
    for (const ended of ["succeeded", "failed", "timed_out", "retrying"])
      expect(kind("succeeded", ended)).toBe(EdgeStyle.done);
  });

  it("is dotted where a branch did not go", () => {
    const branch = run("a", "succeeded", { output: { kind: "json", row_count: null, bytes: 2, ports: ["true"] } });
    expect(edgeStyle(branch, run("b", "skipped"), "false")).toBe(EdgeStyle.blocked);
    expect(edgeStyle(branch, run("b", "running"), "true")).toBe(EdgeStyle.live);
  });

  it("shows where a failure went on, and where a rule let the target run all the same", () => {
    expect(kind("failed", "upstream_failed")).toBe(EdgeStyle.bad);
    expect(kind("upstream_failed", "upstream_failed")).toBe(EdgeStyle.bad);
    expect(kind("failed", "succeeded")).toBe(EdgeStyle.done);
    expect(kind("failed", "pending")).toBe(EdgeStyle.blocked);
    expect(kind("succeeded", "upstream_failed")).toBe(EdgeStyle.blocked);
  });

  it("is not passed by a target that was cancelled before it began", () => {
    expect(edgeStyle(run("a", "succeeded"), run("b", "cancelled", { attempt: 0 }), "out")).toBe(EdgeStyle.blocked);
    expect(edgeStyle(run("a", "succeeded"), run("b", "cancelled", { attempt: 1 }), "out")).toBe(EdgeStyle.done);
  });
});

describe("a card", () => {
  it("says that lines were left out before it says how long the node took", () => {
    const output = { kind: "table", row_count: 9999, skipped_lines: 1, bytes: 9, ports: ["out"] };
    const times = { started_at: "2026-01-01T00:00:00Z", finished_at: "2026-01-01T00:00:02Z" };
    expect(cardLine(run("a", "succeeded", { output, ...times }), "table.read", () => []).before).toBe(
      "9,999 rows · 1 skipped",
    );
  });
});

describe("the scene", () => {
  const graph = makeGraph(
    [..."abc"].map((id) => ({ id })),
    [
      [0, 1],
      [0, 2],
    ],
  );
  const at = Float64Array.of(0, 0, 300, 100, 300, 0);
  const table = run("a", "succeeded", { output: { kind: "table", row_count: 27004, bytes: 9, ports: ["out"] } });

  it("takes states, and the tracks of all edges at a node that changed", () => {
    const scene = new Scene(graph, { at, routed: new Map() });
    const nodes = new Map([
      ["a", run("a", "succeeded")],
      ["b", run("b", "running")],
      ["c", run("c", "pending")],
    ]);
    expect(scene.update(nodes, ["a", "unknown"], new Set())).toEqual([0]);
    expect([...scene.edgeStyles]).toEqual([EdgeStyle.live, EdgeStyle.idle]);
    expect(STATES[scene.states[0] ?? 0]).toBe("succeeded");
    expect(scene.states[1]).toBe(0);
    nodes.set("b", run("b", "succeeded"));
    scene.update(nodes, ["b"], new Set(["b"]));
    expect([...scene.edgeStyles]).toEqual([EdgeStyle.done, EdgeStyle.idle]);
    expect([...scene.stuck]).toEqual([0, 1, 0]);
  });

  it("says how many rows leave a node once, on its straight edge", () => {
    const scene = new Scene(graph, { at, routed: new Map() });
    scene.update(new Map([["a", table]]), ["a"], new Set());
    expect([...scene.labels]).toEqual([[0, { text: "27,004", x: 244, y: 27 }]]);
    scene.update(new Map([["a", run("a", "running")]]), ["a"], new Set());
    expect(scene.labels.size).toBe(0);
  });

  it("puts the word on an edge that bends where no card and no port hides it", () => {
    const bent = makeGraph([{ id: "a" }, { id: "b" }], [[0, 1]]);
    const scene = new Scene(bent, { at: Float64Array.of(0, 0, 266, 200), routed: new Map() });
    scene.update(new Map([["a", table]]), ["a"], new Set());
    // Half of "27,004" with its room is 17 px wide at the least zoom at which words are painted, 0.6.
    expect((scene.labels.get(0)?.x ?? 0) - NODE_WIDTH).toBeGreaterThanOrEqual(17 / 0.6);
  });
});

describe("the view", () => {
  function view(): Viewport {
    const made = new Viewport(() => undefined);
    made.resize(1000, 500);
    made.setBounds({ left: 0, top: 0, right: 2000, bottom: 1000 });
    return made;
  }
  const none = { left: 0, top: 0, right: 0, bottom: 0 };

  it("fits a box into what is seen, and never enlarges it", () => {
    const it = view();
    it.fit({ left: 0, top: 0, right: 2000, bottom: 1000 }, none);
    expect([it.x, it.y, it.zoom]).toEqual([0, 0, 0.5]);
    it.fit({ left: 100, top: 100, right: 300, bottom: 200 }, none);
    expect(it.zoom).toBe(1);
    expect(it.box().left).toBeLessThan(100);
  });

  it("keeps the point under the pointer where it is while zooming", () => {
    const it = view();
    it.fit({ left: 0, top: 0, right: 2000, bottom: 1000 }, none);
    const before = it.toGraph(400, 200);
    it.zoomAt(400, 200, 1.5);
    const after = it.toGraph(400, 200);
    // Origins are whole pixels.
    expect(Math.abs(after.x - before.x)).toBeLessThan(1);
    expect(Math.abs(after.y - before.y)).toBeLessThan(1);
    expect(it.zoom).toBe(0.75);
  });

  it("never loses the graph, however far it is moved", () => {
    const it = view();
    it.panBy(1e6, 1e6);
    expect([it.x, it.y]).toEqual([920, 420]);
    it.panBy(-1e6, -1e6);
    expect([it.x, it.y]).toEqual([80 - 2000, 80 - 1000]);
    for (let step = 0; step < 50; step += 1) it.zoomAt(500, 250, 0.5);
    expect(it.zoom).toBeGreaterThan(0.1);
    for (let step = 0; step < 50; step += 1) it.zoomAt(500, 250, 2);
    expect(it.zoom).toBe(2);
  });

  it("moves just far enough to show a box, and not at all for one that is seen", () => {
    const it = view();
    it.reveal({ left: 100, top: 100, right: 288, bottom: 154 }, 20, false);
    expect([it.x, it.y]).toEqual([0, 0]);
    it.reveal({ left: 1500, top: 100, right: 1688, bottom: 154 }, 20, false);
    expect([it.x, it.y]).toEqual([-708, 0]);
  });
});

describe("the choice of cards", () => {
  const size = 2000;
  const graph = makeGraph(
    [...Array(size).keys()].map((at) => ({ id: `n${at}` })),
    [],
  );
  // A block of 40 columns and 50 rows.
  const at = Float64Array.from({ length: 2 * size }, (_, place) =>
    place % 2 ? (Math.floor(place / 2) % 50) * 72 : Math.floor(place / 100) * 250,
  );
  const scene = new Scene(graph, { at, routed: new Map() });
  function seen(width: number, height: number, zoom: number): Viewport {
    const view = new Viewport(() => undefined);
    view.resize(width, height);
    view.setBounds(scene.grid.bounds);
    view.centre(5000, 1800, zoom);
    return view;
  }
  function settled(view: Viewport): { cards: ReadonlySet<number>; frames: number } {
    let near = selectCards(scene, view, new Set());
    let frames = 1;
    for (; near.more; frames += 1) {
      const next = selectCards(scene, view, near.cards);
      expect(next.cards.size - near.cards.size).toBeLessThanOrEqual(NEW_CARDS_PER_FRAME);
      near = next;
    }
    return { cards: near.cards, frames };
  }

  it("comes to all nodes in view, a few in each frame", () => {
    const view = seen(1000, 500, 1);
    const { cards, frames } = settled(view);
    scene.grid.within(view.box(), (node) => expect(cards.has(node)).toBe(true));
    expect(cards.size).toBeLessThan(100);
    expect(frames).toBeGreaterThan(2);
    // At rest nothing is made anew.
    expect(selectCards(scene, view, cards).cards).toBe(cards);
  });

  it("is none where cards could not be read, and bounded on the largest screen", () => {
    expect(selectCards(scene, seen(1000, 500, 0.59), new Set([1, 2])).cards.size).toBe(0);
    expect(settled(seen(5120, 2880, 0.6)).cards.size).toBe(CARDS_MAX);
  });

  it("keeps what has just left the view, and lets go of what is far", () => {
    const view = seen(1000, 500, 1);
    const { cards } = settled(view);
    view.panBy(-200, 0);
    const moved = selectCards(scene, view, cards);
    for (const node of cards) expect(moved.cards.has(node)).toBe(true);
    view.panBy(-3000, 0);
    const gone = selectCards(scene, view, cards);
    for (const node of cards) expect(gone.cards.has(node)).toBe(false);
  });
});

describe("the second line of a card", () => {
  const said = (node: NodeRun, awaited: readonly string[] = []): string =>
    cardLineText(
      cardLine(node, "python", () => awaited),
      Date.parse("2026-11-24T09:02:55Z"),
    );
  const times = { started_at: "2026-11-24T09:00:00Z", finished_at: "2026-11-24T09:00:01.200Z" };

  it("counts while a node runs, and says what it reports", () => {
    const running = { started_at: times.started_at };
    expect(said(run("a", "running", running))).toBe("python · 2 m 55 s");
    expect(said(run("a", "running", { ...running, attempt: 2 }))).toBe("attempt 2 · 2 m 55 s");
    expect(said(run("a", "running", { ...running, progress: { fraction: 0.1, message: "copying\u202e" } }))).toBe(
      "2 m 55 s · copying\\u202e",
    );
  });

  it("says how long it took, the way a branch went, and why it failed", () => {
    expect(said(run("a", "succeeded", times))).toBe("python · 1.2 s");
    expect(
      said(run("a", "succeeded", { ...times, output: { kind: "json", row_count: null, bytes: 4, ports: ["true"] } })),
    ).toBe("python · true");
    expect(said(run("a", "failed", { error: { class: "ValueError", message: "no\nmore", line: 2 } }))).toBe(
      "ValueError in line 2, no",
    );
    expect(
      said(
        run("a", "timed_out", {
          error: { class: "SoftTimeout", message: "The soft limit of 1 s has passed.", line: 2 },
        }),
      ),
    ).toBe("SoftTimeout in line 2: The soft limit of 1 s has passed.");
    expect(said(run("a", "upstream_failed"))).toBe("python · upstream failed");
  });

  it("names what a pending node waits for", () => {
    const pending = run("a", "pending", {
      waiting_for: [{ code: "upstream", message: 'Waits for "j" to end.', since: null }],
    });
    expect(said(pending, ["Join weather"])).toBe("waits for Join weather");
    expect(said(pending, ["Join weather", "b", "c"])).toBe("waits for Join weather and 2 more");
    expect(said(pending)).toBe('Waits for "j" to end.');
  });
});

it("cuts a text with an ellipsis, never through a pair", () => {
  expect(truncate("abc", 3)).toBe("abc");
  expect(truncate("abcd", 3)).toBe("abc…");
  expect(truncate("ab🎉cd", 3)).toBe("ab…");
});
