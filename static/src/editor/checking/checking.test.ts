import { BUILT_IN } from "../../document/testing/node-type";
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Doc } from "../../document/document";
import { startChecking } from "./checking";
import type { Checking, Editing } from "../parts";
import { EditorStore } from "../../document/store";

const DOC: Doc = { schema: "interlock/1", nodes: [{ id: "a", type: "noop" }], edges: [] };
const problem = (message: string) => ({ node: "a", path: "nodes[0]", code: "x", message, severity: "error" });

interface Asked {
  readonly body: { definition: Doc; columns_tag?: string };
  readonly answer: (value: object, status?: number) => void;
  readonly fail: () => void;
}

let store: EditorStore;
let checking: Checking;
let asked: Asked[];

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML = "<main data-editor></main>";
  asked = [];
  vi.stubGlobal(
    "fetch",
    (_path: string, init: RequestInit) =>
      new Promise((resolve, reject) =>
        asked.push({
          body: JSON.parse(String(init.body)) as Asked["body"],
          answer: (value, status = 200) => resolve(new Response(JSON.stringify(value), { status })),
          fail: () => reject(new TypeError("offline")),
        }),
      ),
  );
  store = new EditorStore(DOC);
  const types = BUILT_IN;
  checking = startChecking({ store, facts: { address: "/workflows/w/", types } } as unknown as Editing);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const wait = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const rename = (name: string): boolean =>
  store.edit({ kind: "set", node: "a", path: ["name"], value: name }, { label: "Rename", mergeKey: "name" });
const said = (): string[] => store.problems.map((one) => one.message);
const ok = (...messages: string[]) => ({
  problems: messages.map(problem),
  columns: {},
  columns_tag: "t",
  fingerprints: {},
  complete: true,
});
const checked = (): string | undefined => document.querySelector<HTMLElement>("[data-editor]")?.dataset["checked"];

describe("checking while one types", () => {
  it("asks once typing rests, with the newest document", async () => {
    await wait(0);
    asked[0]?.answer(ok());
    await wait(0);
    expect(checked()).toBe("0");
    for (const name of ["A", "AB", "ABC"]) {
      rename(name);
      await wait(50);
    }
    expect(asked.length).toBe(1);
    await wait(120);
    expect(asked.length).toBe(2);
    expect(asked[1]?.body.definition.nodes[0]?.["name"]).toBe("ABC");
    expect(asked[1]?.body.columns_tag).toBe("t");
    asked[1]?.answer(ok("bad"));
    await wait(0);
    expect(said()).toEqual(["bad"]);
    expect(checked()).toBe("3");
  });

  it("asks again about outputs that came later, not about those that the first check knew", async () => {
    const output = {
      run: "1",
      version: null,
      at: "",
      kind: "table",
      rows: 1,
      columns: [{ name: "a", type: "BIGINT" }],
      fingerprint: null,
    };
    await wait(0);
    store.setOutputs(new Map());
    asked[0]?.answer(ok());
    await wait(500);
    expect(asked.length).toBe(1);
    store.setOutputs(new Map([["a", output]]));
    await wait(500);
    expect(asked.length).toBe(2);
  });

  it("has one request under way, and an answer about an older document does not count", async () => {
    await wait(0);
    rename("A");
    await wait(300);
    expect(asked.length).toBe(1);
    asked[0]?.answer(ok("old"));
    await wait(0);
    expect(said()).toEqual([]);
    expect(store.check).toBe("checking");
    await wait(1);
    expect(asked.length).toBe(2);
    asked[1]?.answer(ok("new"));
    await checking.settle();
    expect(said()).toEqual(["new"]);
  });

  it("does not ask about a move", async () => {
    await wait(0);
    asked[0]?.answer(ok("bad"));
    await wait(0);
    store.edit({ kind: "move", to: new Map([["a", { x: 5, y: 5 }]]) }, { label: "Move" });
    expect(checked()).toBe("1");
    await wait(1000);
    expect(asked.length).toBe(1);
    expect(said()).toEqual(["bad"]);
  });

  it("says that it is offline, keeps the last word and asks again", async () => {
    await wait(0);
    asked[0]?.answer(ok("bad"));
    await wait(0);
    rename("A");
    await wait(120);
    asked[1]?.fail();
    await wait(0);
    expect(store.check).toBe("offline");
    expect(checking.why).toContain("You're offline");
    expect(said()).toEqual(["bad"]);
    // Whoever needs to know asks at once, and is not kept until the server is back.
    const settled = checking.settle();
    await wait(0);
    expect(asked.length).toBe(3);
    asked[2]?.fail();
    await settled;
    await wait(2000);
    asked[3]?.answer(ok());
    await wait(0);
    expect(store.check).toBe("checked");
    expect(checking.why).toBe("");
  });

  it("goes on asking while the server has not looked at all", async () => {
    await wait(0);
    asked[0]?.answer({ ...ok("first"), complete: false });
    await wait(0);
    expect(said()).toEqual(["first"]);
    expect(checked()).toBeUndefined();
    await wait(200);
    asked[1]?.answer(ok("first", "second"));
    await wait(0);
    expect(said()).toEqual(["first", "second"]);
    expect(checked()).toBe("0");
  });

  it("is refused by a page that is no answer: the session is over", async () => {
    await wait(0);
    asked[0]?.answer({});
    await wait(0);
    expect(store.check).toBe("refused");
    expect(checking.why).toContain("signed out");
    await checking.settle();
  });
});
