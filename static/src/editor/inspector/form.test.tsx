import { nodeType } from "../../document/testing/node-type";
import type { Json, JsonObject } from "../../json";
import { createElement } from "react";
import { flushSync } from "react-dom";
import { expect, it, vi } from "vitest";

import type { Editing } from "../parts";
import { EditorStore } from "../../document/store";
import { ConfigForm } from "./form";
import { NodeScope } from "./scope";
import { testInspector } from "./testing/inspector";

vi.mock("../code/index", () => ({
  mountCode: () => ({ setValue() {}, setProblems() {}, focus() {}, destroy() {} }),
  mountPath: () => ({ setValue() {}, setProblems() {}, focus() {}, destroy() {} }),
}));

const inspector = testInspector();
let store: EditorStore;

function show(schema: JsonObject, config: JsonObject): void {
  const type = nodeType("acme.thing", { config: schema });
  store = new EditorStore({ nodes: [{ id: "a", type: type.type, config }], edges: [] });
  const editing = {
    store,
    facts: { types: new Map([[type.type, type]]), pools: new Map(), address: "/workflows/x/", nonce: "" },
  } as unknown as Editing;
  inspector.show(editing, new NodeScope(editing, "a", schema), createElement(ConfigForm, { node: "a", schema }));
}

const config = (): Json | undefined => store.doc.nodes[0]?.["config"];
const field = <T extends HTMLElement>(path: string): T => {
  const found = inspector.host.querySelector<T>(`[data-field="config.${path}"] :is(input, select, textarea, button)`);
  if (!found) throw new Error(`no field ${path} in ${inspector.host.innerHTML}`);
  return found;
};

/** As if it were typed: React looks at the value that the element had before. */
function type(path: string, text: string): void {
  const input = field<HTMLInputElement>(path);
  const proto =
    input instanceof HTMLSelectElement
      ? HTMLSelectElement.prototype
      : input instanceof HTMLTextAreaElement
        ? HTMLTextAreaElement.prototype
        : HTMLInputElement.prototype;
  Object.getOwnPropertyDescriptor(proto, "value")?.set?.call(input, text);
  flushSync(() =>
    input.dispatchEvent(new Event(input instanceof HTMLSelectElement ? "change" : "input", { bubbles: true })),
  );
}

function press(name: string, within: ParentNode = inspector.host): void {
  const button = [...within.querySelectorAll<HTMLElement>("button")].find(
    (one) => one.textContent?.trim() === name || one.getAttribute("aria-label") === name,
  );
  if (!button) throw new Error(`no button ${name}`);
  flushSync(() => button.click());
}

it("writes no default on its own, and takes one away that is chosen", () => {
  show(
    {
      type: "object",
      properties: {
        mode: { enum: ["fast", "safe", "slow", "none"], default: "safe" },
        on: { type: "boolean", default: true },
        n: { type: "integer", default: 3 },
      },
    },
    {},
  );
  expect(config()).toEqual({});
  expect(field<HTMLSelectElement>("mode").value).toBe("");
  expect(field<HTMLInputElement>("n").placeholder).toBe("3");
  expect(field("on").getAttribute("aria-checked")).toBe("true");
  flushSync(() => field("on").click());
  type("mode", '"slow"');
  type("n", "5");
  expect(config()).toEqual({ on: false, mode: "slow", n: 5 });
  flushSync(() => field("on").click());
  type("mode", "");
  type("n", "");
  expect(config()).toEqual({});
});

it("follows references, in lists too", () => {
  show(
    {
      type: "object",
      properties: {
        to: { $ref: "#/$defs/address" },
        all: { type: "array", title: "All", items: { $ref: "#/$defs/address" } },
      },
      $defs: {
        address: { type: "object", properties: { mail: { type: "string", title: "Mail" } }, required: ["mail"] },
      },
    },
    { all: [{ mail: "x@y" }] },
  );
  type("to.mail", "a@b");
  type("all.0.mail", "c@d");
  expect(config()).toEqual({ to: { mail: "a@b" }, all: [{ mail: "c@d" }] });
});

it("shows alternatives, and those that hang on another value", () => {
  show(
    {
      type: "object",
      properties: {
        kind: { enum: ["file", "table", "none", "other"] },
        target: {
          title: "Target",
          oneOf: [
            { title: "By name", type: "object", properties: { name: { type: "string" } }, required: ["name"] },
            { title: "By number", type: "object", properties: { number: { type: "integer" } }, required: ["number"] },
          ],
        },
      },
      if: { properties: { kind: { const: "file" } }, required: ["kind"] },
      then: { properties: { path: { type: "string" } } },
    },
    { target: { number: 3 } },
  );
  expect(field<HTMLInputElement>("target.number").value).toBe("3");
  type("target.number", "4");
  expect(config()).toEqual({ target: { number: 4 } });
  expect(inspector.host.querySelector('[data-field="config.path"]')).toBeNull();
  type("kind", '"file"');
  type("path", "x.csv");
  expect(config()).toEqual({ target: { number: 4 }, kind: "file", path: "x.csv" });
});

it("keeps what two alternatives share when the other one is chosen", () => {
  const way = (title: string, own: string): JsonObject => ({
    title,
    type: "object",
    properties: { table: { type: "string" }, [own]: { type: "string" } },
    required: [own],
  });
  show(
    { type: "object", properties: { from: { title: "From", oneOf: [way("File", "path"), way("Server", "url")] } } },
    { from: { table: "flights", url: "x" } },
  );
  const select = inspector.host.querySelector<HTMLSelectElement>("select[aria-label='From']");
  if (!select) throw new Error("no choice");
  expect([...select.options].map((option) => option.text)).toEqual(["File", "Server"]);
  expect(select.value).toBe("1");
  select.value = "0";
  flushSync(() => select.dispatchEvent(new Event("change", { bubbles: true })));
  expect(config()).toEqual({ from: { table: "flights" } });
  type("from.path", "a.csv");
  expect(config()).toEqual({ from: { table: "flights", path: "a.csv" } });
});

it("merges parts, and shows what depends on another field", () => {
  show(
    {
      type: "object",
      allOf: [{ $ref: "#/$defs/base" }, { properties: { name: { maxLength: 5000 } } }],
      properties: { card: { type: "string" } },
      dependentSchemas: { card: { properties: { address: { type: "string" } }, required: ["address"] } },
      $defs: { base: { properties: { name: { type: "string", title: "Full name" } }, required: ["name"] } },
    },
    {},
  );
  expect(inspector.host.querySelector('[data-field="config.address"]')).toBeNull();
  type("card", "1");
  type("address", "a street");
  expect(config()).toEqual({ card: "1", address: "a street" });
  expect(inspector.host.querySelector('[data-field="config.name"] textarea')).not.toBeNull();
  expect(inspector.host.querySelector('[data-field="config.name"] .must')).not.toBeNull();
});

it("starts an entry with what its schema needs, and shows values that it does not name", () => {
  show(
    {
      type: "object",
      properties: {
        all: { type: "array", title: "All", items: { $ref: "#/$defs/one" } },
        more: {
          type: "object",
          properties: { a: { type: "string" } },
          additionalProperties: { type: "integer", title: "Size" },
        },
      },
      $defs: { one: { type: "object", properties: { mail: { type: "string" } }, required: ["mail"] } },
    },
    { more: { z: 3 } },
  );
  press("Add entry");
  expect(config()).toEqual({ more: { z: 3 }, all: [{ mail: "" }] });
  expect(field<HTMLInputElement>("more.z").value).toBe("3");
});

it("adds, moves and removes entries, and undo brings them back", () => {
  show(
    {
      type: "object",
      properties: {
        cases: {
          type: "array",
          title: "Cases",
          items: { type: "object", properties: { port: { type: "string", title: "Port" } }, required: ["port"] },
        },
      },
    },
    {},
  );
  press("Add entry");
  type("cases.0.port", "one");
  press("Add entry");
  type("cases.1.port", "two");
  press("Move entry 2 up");
  expect(config()).toEqual({ cases: [{ port: "two" }, { port: "one" }] });
  press("Remove entry 1");
  expect(config()).toEqual({ cases: [{ port: "one" }] });
  press("Remove entry 1");
  expect(config()).toEqual({});
  flushSync(() => store.undo());
  expect(field<HTMLInputElement>("cases.0.port").value).toBe("one");
});

it("shows what no form can say as JSON", () => {
  show(
    { type: "object", properties: { any: { title: "Anything" }, mixed: { type: ["object", "string"] } } },
    { any: [1] },
  );
  expect(field<HTMLTextAreaElement>("any").value).toBe("[\n  1\n]");
  type("mixed", '{"a": ');
  expect(config()).toEqual({ any: [1] });
  type("mixed", '{"a": 1}');
  expect(config()).toEqual({ any: [1], mixed: { a: 1 } });
});

it("draws one field for one change", () => {
  const properties = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`f${at}`, { type: "string" }]));
  show({ type: "object", properties }, {});
  const seen = new Set<string>();
  const watch = new MutationObserver((records) =>
    records.forEach((record) =>
      seen.add((record.target as Element).closest?.("[data-field]")?.getAttribute("data-field") ?? ""),
    ),
  );
  watch.observe(inspector.host, { subtree: true, childList: true, attributes: true, characterData: true });
  type("f7", "x");
  for (const record of watch.takeRecords())
    seen.add((record.target as Element).closest?.("[data-field]")?.getAttribute("data-field") ?? "");
  watch.disconnect();
  expect([...seen].filter((path) => path !== "config.f7")).toEqual([]);
  expect(store.undoLabel).toBe("Edit f7 of a");
});

it("follows references by name and by address, and gives as JSON what a form has no end or no place for", () => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://acme.example/thing",
    type: "object",
    properties: {
      near: { $ref: "#/$defs/size" },
      far: { $ref: "part.json" },
      tree: { $ref: "#/$defs/tree" },
      files: { $ref: "#/$defs/files" },
    },
    $defs: {
      size: { type: "integer" },
      part: { $id: "https://acme.example/part.json", type: "object", properties: { weight: { type: "number" } } },
      tree: { type: "object", properties: { name: { type: "string" }, left: { $ref: "#/$defs/tree" } } },
      files: { type: "array", items: { type: "string", format: "data-url" } },
    },
  };
  show(schema, {});
  type("near", "7");
  type("far.weight", "1.5");
  type("tree.name", "root");
  expect(config()).toEqual({ near: 7, far: { weight: 1.5 }, tree: { name: "root" } });
  expect(inspector.host.querySelector('[data-field="config.tree.left"]')).not.toBeNull();
  expect(inspector.host.querySelector('[data-field="config.files"]')).not.toBeNull();
});

it("shows what stands between backticks in a field's help as code", () => {
  show(
    {
      type: "object",
      properties: {
        code: { type: "string", description: "Python with `def main(inputs, ctx)`." },
        odd: { type: "string", description: "A lone ` stays." },
      },
    },
    {},
  );
  const help = (path: string): Element | null => inspector.host.querySelector(`[data-field="config.${path}"] .help`);
  expect(help("code")?.innerHTML).toBe("Python with <code>def main(inputs, ctx)</code>.");
  expect(help("odd")?.textContent).toBe("A lone ` stays.");
});
