import { createElement } from "react";
import { flushSync } from "react-dom";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EditorStore } from "../../document/store";
import type { Editing } from "../parts";
import { SwitchField } from "./controls";
import { FocusRequests } from "./focus-requests";
import { NodeFacts } from "./node-facts";
import { NodesScope, ScopeContext, SurroundingsContext } from "./scope";

let host: HTMLElement;
let root: Root;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  root = createRoot(host);
});
afterEach(() => {
  flushSync(() => root.unmount());
  host.remove();
});

it("is a checkbox while several nodes differ, for a switch is on or off", () => {
  const store = new EditorStore({
    nodes: [
      { id: "a", type: "t", config: { on: true } },
      { id: "b", type: "t", config: { on: false } },
    ],
    edges: [],
  });
  const editing = { store, facts: { types: new Map() } } as unknown as Editing;
  const value = {
    editing,
    listen: (listener: () => void) => store.listen(listener),
    focusRequests: new FocusRequests(),
    nodeFacts: new NodeFacts(editing),
  };
  const scope = new NodesScope(editing, () => new Set(["a", "b"]));
  const field = createElement(SwitchField, { path: ["config", "on"], label: "On", fallback: false });
  flushSync(() =>
    root.render(createElement(SurroundingsContext, { value }, createElement(ScopeContext, { value: scope }, field))),
  );
  const roles = (): (string | null | undefined)[] => {
    const button = host.querySelector("button.switch");
    return [button?.getAttribute("role"), button?.getAttribute("aria-checked")];
  };
  expect(roles()).toEqual(["checkbox", "mixed"]);
  flushSync(() => host.querySelector<HTMLElement>("button.switch")?.click());
  expect(roles()).toEqual(["switch", "true"]);
});
