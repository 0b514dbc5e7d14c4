import { createElement } from "react";
import { flushSync } from "react-dom";
import { expect, it } from "vitest";
import { EditorStore } from "../../document/store";
import type { Editing } from "../parts";
import { SwitchField } from "./controls";
import { NodesScope } from "./scope";
import { testInspector } from "./testing/inspector";

const inspector = testInspector();

it("is a checkbox while several nodes differ, for a switch is on or off", () => {
  const store = new EditorStore({
    nodes: [
      { id: "a", type: "t", config: { on: true } },
      { id: "b", type: "t", config: { on: false } },
    ],
    edges: [],
  });
  const editing = { store, facts: { types: new Map() } } as unknown as Editing;
  const scope = new NodesScope(editing, () => new Set(["a", "b"]));
  const field = createElement(SwitchField, { path: ["config", "on"], label: "On", fallback: false });
  inspector.show(editing, scope, field);
  const roles = (): (string | null | undefined)[] => {
    const button = inspector.host.querySelector("button.switch");
    return [button?.getAttribute("role"), button?.getAttribute("aria-checked")];
  };
  expect(roles()).toEqual(["checkbox", "mixed"]);
  flushSync(() => inspector.host.querySelector<HTMLElement>("button.switch")?.click());
  expect(roles()).toEqual(["switch", "true"]);
});
