/** The author's commands, shared by keys, toolbar, palette and menus. */

import { isObject } from "../../json";
import type { InsertionPoint } from "../../document/insertion-point";
import type { NodeType } from "../../document/node-type";
import { errorText } from "../../api/client";
import { toast } from "../../behaviours/toast";
import { edgeKey, indexOf, nameOf, nodeOf, positionOf, sourcePort, typeOf } from "../../document/document";
import { loadErrorText } from "../../graph/load";
import { NODE_HEIGHT, NODE_WIDTH, type Position } from "../../graph/model";
import { edgesOutOf, outPorts } from "../../document/ports";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import type { Around } from "../palette/ranking";
import type { Editing } from "../parts";
import { performVerb, showRefusal } from "../../document/perform";
import { freePlaceNear } from "../../document/free-space";
import { duplicate, nudge } from "../../document/placement-verbs";
import { toggleOrder } from "../../document/connection-verbs";
import { addNode, removeSelection } from "../../document/node-verbs";

const REVEALED_MAX = 20;

/** Returns where a new node goes by default: behind the selected node, into the selected edge, else where there is room.
 * A type without inputs, such as one that reads a file, is not connected. */
export function insertionAtSelection({ store, facts }: Editing, type: NodeType | null): InsertionPoint {
  if (type && !type.uses_inputs && type.category !== "flow") return { at: null };
  const [edge] = store.selection.edges;
  if (edge !== undefined && store.selection.edges.size === 1 && !store.selection.nodes.size) return { at: null, edge };
  const node = store.node;
  if (!node) return { at: null };
  const ports = outPorts(node, facts.types);
  const used = new Set(edgesOutOf(store.doc, node.id).map(sourcePort));
  const port = ports.find((name) => !used.has(name)) ?? ports[0];
  return port === undefined ? { at: null } : { at: null, from: { node: node.id, port } };
}

/** Returns the types of the nodes before and after an insertion point. */
export function typesAround({ store }: Editing, insertion: InsertionPoint): Around {
  const type = (id: string | undefined): string | null => {
    const node = id === undefined ? undefined : nodeOf(store.doc, id);
    return node ? typeOf(node) : null;
  };
  const edge =
    insertion.edge === undefined ? undefined : store.doc.edges.find((one) => edgeKey(one) === insertion.edge);
  return edge
    ? { after: type(edge.source), before: type(edge.target) }
    : { after: type(insertion.from?.node), before: type(insertion.to?.node) };
}

/** Adds a node of the type and opens the first field of its form. */
export function addType(editing: Editing, type: NodeType, insertion: InsertionPoint): void {
  const { canvas, facts, inspector, store } = editing;
  const tied = insertion.from ?? insertion.to ?? insertion.edge;
  const placed = insertion.at || tied !== undefined ? insertion : { ...insertion, at: roomInView(editing) };
  if (!performVerb(editing, addNode(store.doc, facts.types, type.type, placed, canvas.placeOf))) return;
  const made = store.node;
  if (!made) return;
  canvas.reveal([made.id]);
  inspector.open(made.id, firstField(type));
}

/** Returns the config field that is filled in first. */
function firstField(type: NodeType): readonly string[] | undefined {
  const required = type.config["required"];
  const first = Array.isArray(required) ? required.find((name) => typeof name === "string") : undefined;
  if (typeof first === "string") return ["config", first];
  const properties = type.config["properties"];
  const [name] = isObject(properties) ? Object.keys(properties) : [];
  return name === undefined ? undefined : ["config", name];
}

/** Returns a free position near the selected node, or near the middle of the view. */
function roomInView({ canvas, store }: Editing): Position {
  const taken: Position[] = [];
  for (const node of store.doc.nodes) {
    const at = canvas.placeOf(node.id) ?? positionOf(node);
    if (at) taken.push(at);
  }
  const beside = store.node && (canvas.placeOf(store.node.id) ?? positionOf(store.node));
  return freePlaceNear(
    beside ? { x: beside.x + NODE_WIDTH / 2, y: beside.y + NODE_HEIGHT / 2 } : canvas.middle(),
    taken,
  );
}

export function removeChosen(editing: Editing): void {
  const { facts, store } = editing;
  const { nodes, edges } = store.selection;
  if (!nodes.size && !edges.size) return;
  const [id] = nodes;
  const gone = id === undefined ? undefined : nodeOf(store.doc, id);
  const text =
    nodes.size === 1 && gone
      ? fill(gettext("Deleted {name}."), { name: visible(nameOf(gone)) })
      : nodes.size
        ? fill(ngettext("Deleted {n} node.", "Deleted {n} nodes.", nodes.size), { n: count(nodes.size) })
        : fill(ngettext("Deleted {n} connection.", "Deleted {n} connections.", edges.size), { n: count(edges.size) });
  if (performVerb(editing, removeSelection(store.doc, store.selection, facts.types))) offerUndo(editing, text);
}

/** Shows what was done, with an undo button, until the next edit. */
export function offerUndo({ store }: Editing, text: string): void {
  const edits = store.edits;
  const shown = toast(text, "success", { label: gettext("Undo"), run: () => store.edits === edits && store.undo() });
  const stop = store.listen((update) => {
    if (!update.doc) return;
    shown.remove();
    stop();
  });
}

/** Lets the selected edges only order, or hand their values on again. */
export function toggleChosenOrder(editing: Editing): void {
  const { store } = editing;
  if (store.selection.edges.size) performVerb(editing, toggleOrder(store.doc, store.selection.edges));
}

export function duplicateChosen(editing: Editing): void {
  const { canvas, facts, store } = editing;
  if (
    store.selection.nodes.size &&
    performVerb(editing, duplicate(store.doc, [...store.selection.nodes], canvas.placeOf, facts.types))
  )
    canvas.reveal(store.selection.nodes);
}

export function nudgeChosen(editing: Editing, dx: number, dy: number): void {
  const { canvas, store } = editing;
  if (
    store.selection.nodes.size &&
    performVerb(editing, nudge(store.doc, [...store.selection.nodes], dx, dy, canvas.placeOf))
  )
    canvas.reveal(store.selection.nodes);
}

export function chooseAll({ store }: Editing): void {
  store.select(indexOf(store.doc).keys(), store.doc.edges.map(edgeKey));
}

export function undo(editing: Editing): void {
  if (editing.store.undo()) revealChosen(editing);
}

export function redo(editing: Editing): void {
  if (editing.store.redo()) revealChosen(editing);
}

/** Scrolls to what was undone or redone, unless that is a large part of the graph. */
function revealChosen({ store, canvas }: Editing): void {
  const { nodes } = store.selection;
  if (nodes.size && nodes.size <= REVEALED_MAX) canvas.reveal(nodes);
}

export function tidy({ canvas }: Editing): void {
  canvas.tidy().catch((error: unknown) => toast(loadErrorText(error), "error"));
}

/** Saves without waiting for a pause in editing. */
export function saveNow({ saving }: Editing): void {
  saving.settle().catch((error: unknown) => showRefusal(errorText(error)));
}

/** Runs the draft, up to the targets if there are any. */
export function runDraft({ runs }: Editing, targets: readonly string[] = []): Promise<void> {
  return runs.run(targets).catch((error: unknown) => {
    toast(errorText(error), "error");
  });
}
