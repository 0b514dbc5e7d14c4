/** Verbs that move and copy nodes. Pure. */

import { GRID, onGrid, type Position } from "../graph/model";
import { type Alignment, alignPositions, distanceToFreeSpace, roundPosition, STEP_Y } from "../graph/layout/arrange";
import { adaptToDocument, type Fragment, fragmentOf, placeAt, readFragment, writeFragment } from "./clipboard";
import { type Doc, indexOf, nameOf, nodeOf, positionOf } from "./document";
import { fill, gettext, ngettext } from "../words/i18n";
import { visible } from "../words/words";
import type { PositionLookup, Types, VerbResult } from "./verb";

const existing = (doc: Doc, ids: Iterable<string>): string[] => [...ids].filter((id) => indexOf(doc).has(id));

/** Labels an edit: "Move Clean", "Move 3 nodes". */
function labelFor(doc: Doc, ids: readonly string[], one: string, several: (count: number) => string): string {
  const node = ids.length === 1 && ids[0] !== undefined ? nodeOf(doc, ids[0]) : undefined;
  return node ? fill(one, { name: visible(nameOf(node)) }) : fill(several(ids.length), { n: ids.length });
}

export function moveNodes(doc: Doc, to: ReadonlyMap<string, Position>): VerbResult {
  const ids = existing(doc, to.keys());
  if (!ids.length) return { refused: gettext("Nothing is selected.") };
  const places = new Map(ids.map((id) => [id, roundPosition(to.get(id) ?? { x: 0, y: 0 })]));
  return {
    changes: [{ kind: "move", to: places }],
    label: labelFor(doc, ids, gettext("Move {name}"), (n) => ngettext("Move {n} node", "Move {n} nodes", n)),
  };
}

/** Moves nodes by keyboard; successive key presses are one step of the history. */
export function nudge(doc: Doc, ids: Iterable<string>, dx: number, dy: number, place: PositionLookup): VerbResult {
  const known = existing(doc, ids);
  const to = new Map<string, Position>();
  for (const id of known) {
    const at = positionIn(doc, id, place);
    if (at) to.set(id, { x: at.x + dx, y: at.y + dy });
  }
  const verb = moveNodes(doc, to);
  return "refused" in verb ? verb : { ...verb, mergeKey: `nudge ${known.join(" ")}` };
}

const positionIn = (doc: Doc, id: string, place: PositionLookup): Position | null => {
  const node = nodeOf(doc, id);
  return node ? (place(id) ?? positionOf(node)) : null;
};

export function align(doc: Doc, ids: Iterable<string>, how: Alignment, place: PositionLookup): VerbResult {
  const known = existing(doc, ids);
  const places = new Map(
    known.flatMap((id) => {
      const at = positionIn(doc, id, place);
      return at ? [[id, at] as const] : [];
    }),
  );
  const least = how === "across" || how === "down" ? 3 : 2;
  if (places.size < least) return { refused: fill(gettext("Select at least {n} nodes to align."), { n: least }) };
  return {
    changes: [{ kind: "move", to: alignPositions(places, how) }],
    label: fill(gettext("Align {n} nodes"), { n: places.size }),
  };
}

export function copyText(doc: Doc, ids: Iterable<string>, place?: PositionLookup): string {
  return writeFragment(withPositions(fragmentOf(doc, new Set(ids)), place));
}

/** Adds the shown positions to nodes that have none of their own. */
function withPositions(part: Fragment, place: PositionLookup | undefined): Fragment {
  if (!place) return part;
  return {
    ...part,
    nodes: part.nodes.map((node) => {
      const at = positionOf(node) ? null : place(node.id);
      return at ? { ...node, position: { x: Math.round(at.x), y: Math.round(at.y) } } : node;
    }),
  };
}

/** Duplicates nodes and puts the copies below them. */
export function duplicate(doc: Doc, ids: Iterable<string>, place: PositionLookup, types: Types): VerbResult {
  const part = withPositions(fragmentOf(doc, new Set(ids)), place);
  if (!part.nodes.length) return { refused: gettext("Nothing is selected.") };
  const ys = part.nodes.flatMap((node) => positionOf(node)?.y ?? []);
  const height =
    ys.reduce((most, y) => Math.max(most, y), -Infinity) - ys.reduce((least, y) => Math.min(least, y), Infinity);
  const below = ys.length ? shifted(part, { x: 0, y: height + STEP_Y }) : part;
  return addFragment(
    doc,
    types,
    clearOfCards(doc, below, place),
    labelFor(
      doc,
      part.nodes.map((node) => node.id),
      gettext("Duplicate {name}"),
      (n) => ngettext("Duplicate {n} node", "Duplicate {n} nodes", n),
    ),
  );
}

function shifted(part: Fragment, { x, y }: Position): Fragment {
  return {
    ...part,
    nodes: part.nodes.map((node) => {
      const at = positionOf(node);
      return at ? { ...node, position: { x: Math.round(at.x + x), y: Math.round(at.y + y) } } : node;
    }),
  };
}

function addFragment(doc: Doc, types: Types, part: Fragment, label: string): VerbResult {
  const { nodes, edges } = adaptToDocument(doc, part, types);
  return { changes: [{ kind: "add", nodes, edges }], label, select: { nodes: nodes.map((node) => node.id) } };
}

/** Moves the fragment to the grid, and down until it covers no other card. */
function clearOfCards(doc: Doc, part: Fragment, place: PositionLookup): Fragment {
  const cards = part.nodes.flatMap((node) => positionOf(node) ?? []);
  const left = cards.reduce((least, { x }) => Math.min(least, x), Infinity);
  const top = cards.reduce((least, { y }) => Math.min(least, y), Infinity);
  if (!cards.length) return part;
  const x = onGrid(left) - left;
  const y = onGrid(top) - top;
  const others = doc.nodes.flatMap((node) => place(node.id) ?? positionOf(node) ?? []);
  return shifted(part, {
    x,
    y:
      y +
      distanceToFreeSpace(
        cards.map((card) => ({ x: card.x + x, y: card.y + y })),
        others,
        GRID,
      ),
  });
}

/** Pastes nodes copied from any workflow, or a definition as text. `at`: the upper left corner; null: where they were. */
export function paste(doc: Doc, text: string, at: Position | null, place: PositionLookup, types: Types): VerbResult {
  const part = readFragment(text);
  if (!part) return { refused: gettext("The clipboard has no nodes. Copy nodes, or a definition as JSON.") };
  const label = fill(ngettext("Paste {n} node", "Paste {n} nodes", part.nodes.length), { n: part.nodes.length });
  return addFragment(doc, types, clearOfCards(doc, at ? placeAt(part, at) : part, place), label);
}
