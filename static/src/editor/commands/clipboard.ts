/** Copies, cuts and pastes nodes as JSON text by the browser's clipboard events, so that nodes can be moved between tabs,
 * workflows and text editors.
 */

import { onGrid, type Position } from "../../graph/model";
import { toast } from "../../behaviours/toast";

import { one, isTyping } from "../../dom";
import { nameOf, nodeOf } from "../../document/document";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { offerUndo } from "./commands";
import type { Editing } from "../parts";
import { performVerb } from "../../document/perform";
import { copyText, paste } from "../../document/placement-verbs";
import { removeSelection } from "../../document/node-verbs";

export function startClipboard(root: HTMLElement, editing: Editing): void {
  const { facts, store } = editing;
  const nextPlace = followPointer(root, editing);

  document.addEventListener("copy", (event) => {
    if (copySelection(event, editing)) toast(messageOf(editing, "copy"));
  });
  document.addEventListener("cut", (event) => {
    if (!copySelection(event, editing)) return;
    const text = messageOf(editing, "cut");
    if (
      performVerb(editing, removeSelection(store.doc, { nodes: store.selection.nodes, edges: new Set() }, facts.types))
    )
      offerUndo(editing, text);
  });
  document.addEventListener("paste", (event) => {
    const text = isForGraph(event) ? (event.clipboardData?.getData("text/plain") ?? "") : "";
    if (!text.trim()) return;
    event.preventDefault();
    pasteText(editing, text, nextPlace());
  });
}

/** Adds the nodes of a JSON text; returns whether it did. */
export function pasteText(editing: Editing, text: string, at: Position | null): boolean {
  const { canvas, facts, store } = editing;
  if (!performVerb(editing, paste(store.doc, text, at, canvas.placeOf, facts.types))) return false;
  canvas.reveal(store.selection.nodes);
  return true;
}

/** Returns whether a clipboard event is meant for the graph: no field has the focus, and no text is selected. */
function isForGraph(event: ClipboardEvent): boolean {
  if (event.defaultPrevented || isTyping(event.target) || isTyping(document.activeElement) || one("dialog[open]"))
    return false;
  return event.type === "paste" || window.getSelection()?.isCollapsed !== false;
}

/** Writes the selected nodes to the clipboard; returns whether there were any. */
function copySelection(event: ClipboardEvent, { canvas, store }: Editing): boolean {
  const { nodes } = store.selection;
  if (!isForGraph(event) || !nodes.size || !event.clipboardData) return false;
  event.clipboardData.setData("text/plain", copyText(store.doc, nodes, canvas.placeOf));
  event.preventDefault();
  return true;
}

function messageOf({ store }: Editing, how: "copy" | "cut"): string {
  const { nodes } = store.selection;
  const [id] = nodes;
  const node = id === undefined || nodes.size > 1 ? undefined : nodeOf(store.doc, id);
  const values = { name: node ? visible(nameOf(node)) : "", n: count(nodes.size) };
  if (how === "cut")
    return fill(node ? gettext("Cut {name}.") : ngettext("Cut {n} node.", "Cut {n} nodes.", nodes.size), values);
  return fill(node ? gettext("Copied {name}.") : ngettext("Copied {n} node.", "Copied {n} nodes.", nodes.size), values);
}

/** Returns where the next paste goes: the position of the mouse over the graph, or null. */
function followPointer(root: HTMLElement, { canvas }: Editing): () => Position | null {
  const host = one("[data-edit-canvas]", root);
  let at: { readonly x: number; readonly y: number } | null = null;
  host?.addEventListener(
    "pointermove",
    (event) => {
      if (event.pointerType !== "mouse") return;
      at = { x: event.clientX, y: event.clientY };
    },
    { passive: true },
  );
  host?.addEventListener("pointerleave", () => {
    at = null;
  });
  return () => {
    if (!at) return null;
    const place = canvas.toGraph(at.x, at.y);
    return { x: onGrid(place.x), y: onGrid(place.y) };
  };
}
