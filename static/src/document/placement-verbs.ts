/** Verbs that move and copy. Pure. */

import { GRID, onGrid, type Position } from "../graph/model";
import { type Alignment, aligned, roomBelow, rounded, STEP_Y } from "../graph/layout/arrange";
import { intoDocument, type Part, partOf, placed, readPart, writePart } from "./clipboard";
import { type Doc, type DocNode, indexOf, nameOf, nodeOf, positionOf } from "./document";
import { fill, gettext, ngettext } from "../words/i18n";
import { visible } from "../words/words";
import type { Place, Types, Verb } from "./verbs";

const of = (doc: Doc, ids: Iterable<string>): string[] => [...ids].filter((id) => indexOf(doc).has(id));

/** "Move Clean", "Move 3 nodes". */
function said(doc: Doc, ids: readonly string[], one: string, several: (count: number) => string): string {
  const node = ids.length === 1 && ids[0] !== undefined ? nodeOf(doc, ids[0]) : undefined;
  return node ? fill(one, { name: visible(nameOf(node)) }) : fill(several(ids.length), { n: ids.length });
}

export function moveNodes(doc: Doc, to: ReadonlyMap<string, Position>): Verb {
  const ids = of(doc, to.keys());
  if (!ids.length) return { refused: gettext("Nothing is selected.") };
  const places = new Map(ids.map((id) => [id, rounded(to.get(id) ?? { x: 0, y: 0 })]));
  return {
    changes: [{ kind: "move", to: places }],
    label: said(doc, ids, gettext("Move {name}"), (n) => ngettext("Move {n} node", "Move {n} nodes", n)),
  };
}

/** A little further, by the keyboard; presses in a row are one step. */
export function nudge(doc: Doc, ids: Iterable<string>, dx: number, dy: number, place: Place): Verb {
  const known = of(doc, ids);
  const to = new Map<string, Position>();
  for (const id of known) {
    const at = placeIn(doc, id, place);
    if (at) to.set(id, { x: at.x + dx, y: at.y + dy });
  }
  const verb = moveNodes(doc, to);
  return "refused" in verb ? verb : { ...verb, merge: `nudge ${known.join(" ")}` };
}

const placeIn = (doc: Doc, id: string, place: Place): Position | null => {
  const node = nodeOf(doc, id);
  return node ? (place(id) ?? positionOf(node)) : null;
};

export function align(doc: Doc, ids: Iterable<string>, how: Alignment, place: Place): Verb {
  const known = of(doc, ids);
  const places = new Map(
    known.flatMap((id) => {
      const at = placeIn(doc, id, place);
      return at ? [[id, at] as const] : [];
    }),
  );
  const least = how === "across" || how === "down" ? 3 : 2;
  if (places.size < least)
    return { refused: fill(gettext("Select at least {n} nodes to put in order."), { n: least }) };
  return {
    changes: [{ kind: "move", to: aligned(places, how) }],
    label: fill(gettext("Align {n} nodes"), { n: places.size }),
  };
}

export function copyText(doc: Doc, ids: Iterable<string>, place?: Place): string {
  return writePart(withPlaces(partOf(doc, new Set(ids)), place));
}

/** Nodes that nobody placed are copied with where they stand. */
function withPlaces(part: Part, place: Place | undefined): Part {
  if (!place) return part;
  return {
    ...part,
    nodes: part.nodes.map((node) => {
      const at = positionOf(node) ? null : place(node.id);
      return at ? ({ ...node, position: { x: Math.round(at.x), y: Math.round(at.y) } } as DocNode) : node;
    }),
  };
}

/** Copies, below what they are copies of. */
export function duplicate(doc: Doc, ids: Iterable<string>, place: Place, types: Types): Verb {
  const part = withPlaces(partOf(doc, new Set(ids)), place);
  if (!part.nodes.length) return { refused: gettext("Nothing is selected.") };
  const ys = part.nodes.flatMap((node) => positionOf(node)?.y ?? []);
  const height =
    ys.reduce((most, y) => Math.max(most, y), -Infinity) - ys.reduce((least, y) => Math.min(least, y), Infinity);
  const below = ys.length ? moved(part, { x: 0, y: height + STEP_Y }) : part;
  return added(
    doc,
    types,
    clear(doc, below, place),
    said(
      doc,
      part.nodes.map((node) => node.id),
      gettext("Duplicate {name}"),
      (n) => ngettext("Duplicate {n} node", "Duplicate {n} nodes", n),
    ),
  );
}

function moved(part: Part, { x, y }: Position): Part {
  return {
    ...part,
    nodes: part.nodes.map((node) => {
      const at = positionOf(node);
      return at ? ({ ...node, position: { x: Math.round(at.x + x), y: Math.round(at.y + y) } } as DocNode) : node;
    }),
  };
}

function added(doc: Doc, types: Types, part: Part, label: string): Verb {
  const { nodes, edges } = intoDocument(doc, part, types);
  return { changes: [{ kind: "add", nodes, edges }], label, select: { nodes: nodes.map((node) => node.id) } };
}

/** The part on the grid, as little further down as it must be to cover no other card. */
function clear(doc: Doc, part: Part, place: Place): Part {
  const cards = part.nodes.flatMap((node) => positionOf(node) ?? []);
  const left = cards.reduce((least, { x }) => Math.min(least, x), Infinity);
  const top = cards.reduce((least, { y }) => Math.min(least, y), Infinity);
  if (!cards.length) return part;
  const x = onGrid(left) - left;
  const y = onGrid(top) - top;
  const others = doc.nodes.flatMap((node) => place(node.id) ?? positionOf(node) ?? []);
  return moved(part, {
    x,
    y:
      y +
      roomBelow(
        cards.map((card) => ({ x: card.x + x, y: card.y + y })),
        others,
        GRID,
      ),
  });
}

/** What was copied, in this workflow or another, or any definition as text. `at`: the upper left corner of it all. */
export function paste(doc: Doc, text: string, at: Position | null, place: Place, types: Types): Verb {
  const part = readPart(text);
  if (!part) return { refused: gettext("What was copied is no node: paste nodes, or a definition as JSON.") };
  const label = fill(ngettext("Paste {n} node", "Paste {n} nodes", part.nodes.length), { n: part.nodes.length });
  return added(doc, types, clear(doc, at ? placed(part, at) : part, place), label);
}
