/** Keys of the editor. Fields handle their own keys, except undo and redo in the inspector: its fields edit the document
 * as one types, so the document's history undoes them.
 *
 * The canvas handles the keys of the graph before these, such as arrows along edges and Escape while connecting.
 */

import { one, isTyping } from "../../dom";
import {
  chooseAll,
  duplicateChosen,
  nudgeChosen,
  redo,
  removeChosen,
  runDraft,
  saveNow,
  tidy,
  toggleChosenOrder,
  undo,
} from "./commands";
import type { Editing } from "../parts";
import { addPaletteEntries } from "./palette-entries";
import { startClipboard } from "./clipboard";

/** How far Shift and an arrow move nodes; the smaller distance with Alt. */
const NUDGE = 10;
const NUDGE_LITTLE = 1;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function startKeys(root: HTMLElement, editing: Editing): void {
  startClipboard(root, editing);
  addPaletteEntries(root, editing);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.isComposing || one("dialog[open]")) return;
      const controlled = event.ctrlKey || event.metaKey;
      if (controlled ? event.altKey || !onControlKey(event, editing) : !isStray(event, editing)) return;
      event.preventDefault();
      // A field with its own history must not undo as well, and no other part may take a key that was meant for none.
      event.stopPropagation();
    },
    { capture: true },
  );
  document.addEventListener("keydown", (event) => {
    if (
      event.defaultPrevented ||
      event.isComposing ||
      event.ctrlKey ||
      event.metaKey ||
      one("dialog[open], [popover]:popover-open")
    )
      return;
    if (event.key === "Escape") {
      if (onEscape(event, editing)) event.preventDefault();
    } else if (!isTyping(event.target) && onKey(event, editing)) event.preventDefault();
  });
}

/** Returns whether a key alone was typed for a field or node that a program has just taken the focus from. */
function isStray(event: KeyboardEvent, { keyboard }: Editing): boolean {
  return keyboard.rests && !isTyping(event.target) && event.key !== "Tab" && event.key !== "Escape";
}

/** Handles Ctrl (or Command) with a key; returns whether it is a command. */
function onControlKey(event: KeyboardEvent, editing: Editing): boolean {
  const key = event.key.toLowerCase();
  if (key === "s" && !event.shiftKey) {
    saveNow(editing);
    return true;
  }
  const { node } = editing.store;
  if (key === "enter" && !event.shiftKey && node && (inGraph() || inInspector(event.target))) {
    void runDraft(editing, [node.id]);
    return true;
  }
  const inField = isTyping(event.target);
  const back = key === "z" && !event.shiftKey;
  if (back || (key === "z" && event.shiftKey) || (key === "y" && !event.shiftKey)) {
    if (inField && !editsDocument(event.target)) return false;
    if (back) undo(editing);
    else redo(editing);
    return true;
  }
  if (key === "a" && !event.shiftKey && !inField && inGraph()) {
    chooseAll(editing);
    return true;
  }
  return false;
}

const inInspector = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest("[data-inspector]") !== null;

/** Returns whether each key typed into this field edits the document; others are marked `data-own-undo`. */
function editsDocument(field: EventTarget | null): boolean {
  return field instanceof Element && inInspector(field) && field.closest("[data-own-undo]") === null;
}

/** Returns whether keys are meant for the graph: it, or nothing in particular, has the focus. */
function inGraph(): boolean {
  const at = document.activeElement;
  return (
    !at ||
    at === document.body ||
    at.closest(".editcanvas, .edhead, .pal, main.edit") === at ||
    at.closest(".editcanvas, .edhead, .pal") !== null
  );
}

/** Handles a key alone or with Shift; returns whether it is a command. */
function onKey(event: KeyboardEvent, editing: Editing): boolean {
  const { canvas, inspector, palette, store } = editing;
  const { node } = store;
  switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
    case "n":
      palette.focus();
      return true;
    case "f":
      if (event.shiftKey) canvas.fitSelection();
      else canvas.fit();
      return true;
    case "/":
      canvas.search();
      return true;
    case "F2":
      if (node) canvas.rename(node.id);
      return node !== null;
    case "t":
      tidy(editing);
      return true;
  }
  if (!inGraph()) return false;
  const arrow = ARROWS[event.key];
  if (arrow && event.shiftKey && store.selection.nodes.size) {
    const step = event.altKey ? NUDGE_LITTLE : NUDGE;
    nudgeChosen(editing, arrow[0] * step, arrow[1] * step);
    return true;
  }
  if (event.altKey) return false;
  switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
    case "c":
      if (!node) return false;
      canvas.focus();
      canvas.connectFrom(node.id);
      return true;
    case "o":
      if (!store.selection.edges.size || store.selection.nodes.size) return false;
      toggleChosenOrder(editing);
      return true;
    case "d":
      duplicateChosen(editing);
      return true;
    case "Delete":
    case "Backspace":
      removeChosen(editing);
      return true;
    case "Enter":
      // Enter activates a focused button or link.
      if (!node || document.activeElement?.matches("button, a, summary")) return false;
      inspector.focus();
      return true;
    default:
      return false;
  }
}

/** Moves the focus from a panel to the graph; there, clears the selection. */
function onEscape(event: KeyboardEvent, { canvas, store }: Editing): boolean {
  const inPanel =
    event.target instanceof Element && event.target.closest("[data-inspector], [data-edit-drawer]") !== null;
  if (inPanel) {
    canvas.focus();
    return true;
  }
  if (isTyping(event.target)) return false;
  const { nodes, edges } = store.selection;
  if (!nodes.size && !edges.size) return false;
  store.select([]);
  return true;
}
