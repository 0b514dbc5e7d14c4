/** What the panel shows: a node, several, an edge, or the workflow. With React, the forms and the validator it is loaded by
 * itself, after the page.
 */

import { type ReactNode, useRef } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { nodeOf, typeOf } from "../../document/document";
import { afterDrawing } from "../after-first-paint";
import type { Editing } from "../parts";
import { loadCode } from "./code-field";
import { EdgeView } from "./edge";
import { Known } from "./node-facts";
import { NodeView } from "./node";
import { type Surroundings, SurroundingsContext, useStore, useSurroundings, Wishes } from "./scope";
import { SeveralView } from "./several";
import { WorkflowView } from "./workflow";

const KNOWN_MS = 1400;

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

/** A node keeps its fields, and with them the keyboard, when only its id becomes another one. */
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

export function start(host: HTMLElement, editing: Editing): Wishes {
  const wishes = new Wishes();
  const known = new Known(editing);
  const { store } = editing;
  const listen = (listener: () => void): (() => void) => store.listen(listener);
  const surroundings: Surroundings = { editing, listen, wishes, known };
  // At once: who waits for it may want the keyboard in it.
  flushSync(() =>
    createRoot(host).render(
      <SurroundingsContext value={surroundings}>
        <Shown />
      </SurroundingsContext>,
    ),
  );
  loadCode().catch(() => undefined);
  afterDrawing(store, KNOWN_MS, () => void known.load());
  return wishes;
}
