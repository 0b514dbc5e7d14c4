/** What the editor makes of the node types of a package, which no code of Interlock names. */

import type { JsonObject } from "../../json";
import { createElement } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import { reduce } from "../../document/changes";
import { readDocument } from "../../document/document";
import { mustNamePort, outPorts } from "../../document/ports";
import { renameChanges } from "../../document/references/references";
import { EditorStore } from "../../document/store";
import { BUILT_IN, PACKAGE } from "../../document/testing/node-type";
import { localProblems } from "../checking/local-checks";
import { likely, matching } from "../palette/ranking";
import type { Editing } from "../parts";
import { ConfigForm } from "./form";
import { NodeScope } from "./scope";
import { testInspector } from "./testing/inspector";

const mounted = vi.hoisted(() => new Map<string, { language?: string; mode?: string }>());
const mount = vi.hoisted(() => (_box: HTMLElement, options: { label: string; language?: string; mode?: string }) => {
  mounted.set(options.label, options);
  return { setValue() {}, setProblems() {}, focus() {}, destroy() {} };
});
vi.mock("../code/index", () => ({ mountCode: mount }));
vi.mock("../code/files/path-field", () => ({ mountPath: mount }));

const TYPES = new Map([...BUILT_IN, ...PACKAGE]);
const inspector = testInspector();
beforeEach(() => mounted.clear());

function show(type: string, config: JsonObject): void {
  const schema = TYPES.get(type)?.config ?? {};
  const store = new EditorStore({ nodes: [{ id: "a", type, config }], edges: [] });
  const editing = {
    store,
    facts: { types: TYPES, pools: new Map(), address: "/workflows/x/", nonce: "" },
  } as unknown as Editing;
  inspector.show(editing, new NodeScope(editing, "a", schema), createElement(ConfigForm, { node: "a", schema }));
}

it("has a form with a code editor in its language and completed paths", async () => {
  show("acme.sort", { script: "pass", source: "in.csv", report: "out.csv" });
  await vi.waitFor(() => expect(mounted.size).toBe(3));
  expect(mounted.get("Script")?.language).toBe("python");
  expect(mounted.get("Source")?.mode).toBe("read");
  expect(mounted.get("Report")?.mode).toBe("write");
  expect(inspector.host.textContent).toContain("Python that sorts rows.");
  show("acme.query", { query: "from a" });
  await vi.waitFor(() => expect(mounted.get("Query")?.language).toBe("sql"));
});

it("has the ports that its config names", () => {
  const node = { id: "a", type: "acme.sort", config: { routes: [{ to: "big" }], rest: "small" } };
  expect(outPorts(node, TYPES)).toEqual(["big", "small"]);
  expect(outPorts({ ...node, config: {} }, TYPES)).toEqual(["main"]);
  expect(mustNamePort(node, TYPES)).toBe(true);
});

it("is found and suggested by its description", () => {
  const names = (found: readonly { type: string }[]): string[] => found.map(({ type }) => type);
  expect(names(matching(TYPES.values(), "sort rows", []))).toEqual(["acme.sort"]);
  expect(likely(TYPES, { after: "acme.sort", before: null })).toEqual(["acme.query"]);
  expect(likely(TYPES, { after: "python", before: "python" })[0]).toBe("acme.sort");
});

it("has its own sentence for a missing value", () => {
  const doc = readDocument({ nodes: [{ id: "a", type: "acme.sort", config: { source: "in.csv" } }], edges: [] });
  expect(doc && localProblems(doc, TYPES).map(({ message }) => message)).toEqual(["Enter a script."]);
});

it("keeps its code right when the id of an input changes", () => {
  const doc = readDocument({
    nodes: [
      { id: "load", type: "noop" },
      { id: "sort", type: "acme.sort", config: { script: "inputs['load']", source: "{{ nodes.load.output }}" } },
      { id: "ask", type: "acme.query", config: { query: "from load" } },
    ],
    edges: [
      { source: "load", target: "sort" },
      { source: "load", target: "ask" },
    ],
  });
  const renamed = doc && renameChanges(doc, TYPES, "load", "raw").reduce(reduce, doc);
  expect(renamed?.nodes[1]?.["config"]).toEqual({ script: "inputs['raw']", source: "{{ nodes.raw.output }}" });
  expect(renamed?.nodes[2]?.["config"]).toEqual({ query: "from raw" });
});
