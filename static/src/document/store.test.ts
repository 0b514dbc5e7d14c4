import { writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { applyPatch, patchBetween } from "./patch";
import { asJson, difference, type Doc, emptyDocument, readDocument } from "./document";
import { EditorStore, type Update } from "./store";
import { randomAuthor } from "./testing/random-edits";

const EDITS = 10_000;

/** Freezes what is new, all the way down: a document that is changed in place fails here. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) frozen(inner);
  return value;
}

const ASKED = process.env["INTERLOCK_EDITED_DOCUMENTS"];

describe("any 10,000 edits", () => {
  const written: string[] = [];

  it.each([
    [1, true],
    [2, false],
  ])(
    "from seed %d (careful: %s) can be taken back to the first document and done again",
    (seed, careful) => {
      const first = frozen(emptyDocument());
      const store = new EditorStore(first);
      const { edit } = randomAuthor(store, seed, careful);
      let told: Doc = first;
      let updates = 0;
      store.listen((update: Update) => {
        updates += 1;
        if (update.doc && updates % 13 === 0) expect(update.doc).toEqual(difference(told, store.doc));
        told = store.doc;
      });
      let made = 0;
      let kept: Doc = first;
      for (let tried = 0; made < EDITS; tried += 1) {
        expect(tried).toBeLessThan(20 * EDITS);
        if (!edit()) continue;
        made += 1;
        frozen(store.doc);
        // Whoever asks for the documents gets each of the careful author's.
        if (made % 13 === 0 || (ASKED && careful))
          written.push(JSON.stringify({ seed, careful, made, document: store.doc }));
        if (made % 13 !== 0) continue;
        expect(readDocument(asJson(store.doc))).toEqual(store.doc);
        expect(applyPatch(asJson(kept), patchBetween(asJson(kept), asJson(store.doc)))).toEqual(store.doc);
        kept = store.doc;
      }
      const last = store.doc;
      expect(
        store.selection.nodes.size === 0 ||
          [...store.selection.nodes].every((id) => last.nodes.some((node) => node.id === id)),
      ).toBe(true);
      let steps = 0;
      while (store.undo()) steps += 1;
      expect(store.doc).toEqual(first);
      expect(store.undoLabel).toBe("");
      let again = 0;
      while (store.redo()) again += 1;
      expect(again).toBe(steps);
      expect(store.doc).toEqual(last);
      expect(steps).toBeGreaterThan(EDITS / 2);
    },
    60_000,
  );

  it("are given to whoever asks for the documents", () => {
    if (ASKED) writeFileSync(ASKED, `${written.join("\n")}\n`);
    expect(written.length).toBeGreaterThan(1000);
  });
});

describe("the history", () => {
  const node = (id: string, more: object = {}): Doc["nodes"][number] => ({ id, type: "noop", ...more });
  const start = (...ids: string[]): EditorStore =>
    new EditorStore({ schema: "interlock/1", nodes: ids.map((id) => node(id)), edges: [{ source: "a", target: "b" }] });

  it("takes typing in one field as one step, until it settles or something else is done", () => {
    const store = start("a", "b");
    const type = (value: string): boolean =>
      store.edit(
        { kind: "set", node: "a", path: ["notes"], value },
        { label: "Edit notes of a", mergeKey: "set a notes" },
      );
    type("x");
    type("xy");
    store.endMerging();
    type("xyz");
    store.select(["b"]);
    type("xyzz");
    const texts: unknown[] = [];
    while (store.undo()) texts.push(store.doc.nodes[0]?.["notes"]);
    expect(texts).toEqual(["xyz", "xy", undefined]);
  });
  it("counts nothing that changes nothing", () => {
    const store = start("a", "b");
    expect(store.edit({ kind: "set", node: "a", path: ["type"], value: "noop" }, { label: "" })).toBe(false);
    expect(store.edit({ kind: "set", node: "none", path: ["type"], value: "noop" }, { label: "" })).toBe(false);
    expect(store.edit({ kind: "set", node: "a", path: ["policy", "retries"], value: undefined }, { label: "" })).toBe(
      false,
    );
    expect(store.edit({ kind: "remove", nodes: [], edges: [] }, { label: "" })).toBe(false);
    expect(store.undoLabel).toBe("");
  });
  it("takes an id and an edge once, also where one edit brings them twice", () => {
    const store = start("a", "b");
    const wire = { source: "b", target: "c" };
    store.edit(
      {
        kind: "add",
        nodes: [node("b"), node("c"), node("c", { name: "C" })],
        edges: [wire, { ...wire }, { source: "a", target: "b" }],
      },
      { label: "" },
    );
    expect(store.doc.nodes).toEqual([node("a"), node("b"), node("c")]);
    expect(store.doc.edges).toEqual([{ source: "a", target: "b" }, wire]);
  });
  it("brings back what was chosen, and a new id stays chosen", () => {
    const store = start("a", "b");
    store.select(["a"]);
    store.edit({ kind: "rename", node: "a", id: "c" }, { label: "Rename" });
    expect([...store.selection.nodes]).toEqual(["c"]);
    store.edit({ kind: "remove", nodes: ["c"], edges: [] }, { label: "Delete" });
    expect(store.selection.nodes.size).toBe(0);
    store.undo();
    expect([...store.selection.nodes]).toEqual(["c"]);
    store.undo();
    expect([...store.selection.nodes]).toEqual(["a"]);
  });
  it("keeps a chosen edge whose ends are called otherwise", () => {
    const store = start("a", "b");
    store.select([], ['["a","out","b","a"]']);
    store.edit({ kind: "rename", node: "a", id: "c" }, { label: "Rename" });
    expect([...store.selection.edges]).toEqual(['["c","out","b","c"]']);
  });
  it("forgets the oldest steps of a large document, never the last", () => {
    const nodes = Array.from({ length: 500 }, (_, at) => node(`n${at}`));
    const store = new EditorStore({ nodes, edges: [] }, 200_000);
    for (let at = 0; at < 500; at += 1)
      store.edit({ kind: "move", to: new Map([[`n${at}`, { x: at + 1, y: 0 }]]) }, { label: String(at) });
    let steps = 0;
    while (store.undo()) steps += 1;
    expect(steps).toBe(400);
    while (store.redo()) steps -= 1;
    expect(steps).toBe(0);
    expect(store.undoLabel).toBe("499");
  });
  it("goes on telling the others when a part fails, and reports it", () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    const store = start("a");
    const after = vi.fn();
    store.listen(() => {
      throw new Error("broken");
    });
    store.listen(after);
    store.select(["a"]);
    expect(after).toHaveBeenCalledOnce();
    expect(reported).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
  it("takes fields that say nothing away, and leaves an empty config", () => {
    const store = new EditorStore({
      nodes: [node("a", { policy: { retries: 1 }, config: { options: { delim: ";" } } })],
      edges: [],
      settings: { priority: 1 },
    });
    store.edit(
      [
        { kind: "set", node: "a", path: ["policy", "retries"], value: undefined },
        { kind: "set", node: "a", path: ["config", "options", "delim"], value: undefined },
        { kind: "workflow", path: ["settings", "priority"], value: undefined },
      ],
      { label: "" },
    );
    expect(store.doc).toEqual({ nodes: [{ id: "a", type: "noop", config: {} }], edges: [] });
  });
});
