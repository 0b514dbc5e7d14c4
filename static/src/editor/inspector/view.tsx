/** The content of the panel: a node, several nodes, an edge, or the workflow. It is loaded after the page, because it
 * contains React, the forms and the validator.
 */

import { type ReactNode, useRef } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { nodeOf, typeOf } from "../../document/document";
import { afterDrawing } from "../after-first-paint";
import type { Editing } from "../parts";
import { loadCode } from "./code-field";
import { EdgeView } from "./edge";
import { NodeFacts } from "./node-facts";
import { NodeView } from "./node";
import { FocusRequests } from "./focus-requests";
import { type Surroundings, SurroundingsContext, useStore, useSurroundings } from "./scope";
import { SeveralView } from "./several";
import { WorkflowView } from "./workflow";

const FACTS_MS = 1400;

function Shown(): ReactNode {
  const selection = useStore((store) => store.selection);
  const [node] = selection.nodes;
  const [edge] = selection.edges;
  const key = useKeyOf(node ?? "");
  if (selection.nodes.size + selection.edges.size > 1) return <SeveralView />;
  if (node !== undefined) return <NodeView key={key} id={node} />;
  if (edge !== undefined) return <EdgeView edge={edge} />;
  return <WorkflowView />;
}

/** Returns a key that stays the same when the id of the shown node changes, so that its fields and the focus stay. */
function useKeyOf(id: string): string {
  const { editing } = useSurroundings();
  const last = useRef({ id: "", type: "", key: 0 });
  const { doc } = editing.store;
  const here = nodeOf(doc, id);
  const type = here ? typeOf(here) : "";
  const before = last.current;
  if (id !== before.id || type !== before.type) {
    const same = id !== "" && before.id !== "" && type === before.type && !nodeOf(doc, before.id);
    last.current = { id, type, key: same ? before.key : before.key + 1 };
  }
  return String(last.current.key);
}

export function start(host: HTMLElement, editing: Editing): FocusRequests {
  const focusRequests = new FocusRequests();
  const nodeFacts = new NodeFacts(editing);
  const { store } = editing;
  const listen = (listener: () => void): (() => void) => store.listen(listener);
  const surroundings: Surroundings = { editing, listen, focusRequests, nodeFacts };
  // Render at once: a waiting request may focus a field.
  flushSync(() =>
    createRoot(host).render(
      <SurroundingsContext value={surroundings}>
        <Shown />
      </SurroundingsContext>,
    ),
  );
  loadCode().catch(() => undefined);
  afterDrawing(store, FACTS_MS, () => void nodeFacts.load());
  return focusRequests;
}
