import { type ContextType, createElement, type ReactNode } from "react";
import { flushSync } from "react-dom";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach } from "vitest";

import type { Editing } from "../../parts";
import { FocusRequests } from "../focus-requests";
import { NodeFacts } from "../node-facts";
import { ScopeContext, SurroundingsContext } from "../scope";

export interface TestInspector {
  /** The element that has what is shown. */
  host: HTMLElement;
  show(editing: Editing, scope: ContextType<typeof ScopeContext>, shown: ReactNode): void;
}

/** Gives each test of a file an inspector of its own in the page. */
export function testInspector(): TestInspector {
  let root: Root;
  const inspector: TestInspector = {
    host: document.createElement("div"),
    show(editing, scope, shown) {
      const value = {
        editing,
        listen: (listener: () => void) => editing.store.listen(listener),
        focusRequests: new FocusRequests(),
        nodeFacts: new NodeFacts(editing),
      };
      const scoped = createElement(ScopeContext, { value: scope }, shown);
      flushSync(() => root.render(createElement(SurroundingsContext, { value }, scoped)));
    },
  };
  beforeEach(() => {
    inspector.host = document.createElement("div");
    document.body.append(inspector.host);
    root = createRoot(inspector.host);
  });
  afterEach(() => {
    flushSync(() => root.unmount());
    inspector.host.remove();
  });
  return inspector;
}
