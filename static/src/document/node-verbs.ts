/** Verbs that add and remove nodes, with their connections. Pure. */

import type { InsertionPoint } from "./insertion-point";
import type { Change } from "./changes";
import {
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  indexOf,
  nameOf,
  nodeOf,
  onlyOrders,
  positionOf,
  sourcePort,
} from "./document";
import { freePlaceBelow, roundPosition, STEP_X } from "../graph/layout/arrange";
import { idFromName, uniqueId, uniqueName } from "./ids";
import { NODE_HEIGHT, NODE_WIDTH, type Position } from "../graph/model";
import { edgesInto, edgesOutOf, makeEdge, makeOrder, outPorts } from "./ports";
import { downstreamOf } from "./reach";
import { fill, gettext, ngettext } from "../words/i18n";
import { edgeOf, nameIn, type PositionLookup, type Types, type VerbResult } from "./verb";
import { connect, inputName, insertOnEdge } from "./connection-verbs";

/** Adds a node, with the edges that the insertion point names. */
export function addNode(
  doc: Doc,
  types: Types,
  type: string,
  insertion: InsertionPoint,
  place: PositionLookup,
): VerbResult {
  const kind = types.get(type);
  // The name is in the reader's language; where it gives no id, the type does.
  const id = uniqueId(idFromName(kind?.name ?? type) || idFromName(type) || "node", indexOf(doc));
  const name = uniqueName(kind?.name ?? type, new Set(doc.nodes.map(nameOf)));
  const edge = insertion.edge === undefined ? undefined : edgeOf(doc, insertion.edge);
  const wanted = insertion.at && !(edge && coversEnd(edge, insertion.at, place)) ? roundPosition(insertion.at) : null;
  const at = wanted ?? placeFor(doc, insertion, edge, place);
  const bare: DocNode = { id, type, name, config: kind?.default_config ?? {}, position: { x: at.x, y: at.y } };
  const withIt: Doc = { ...doc, nodes: [...doc.nodes, bare] };
  const changes: Change[] = [{ kind: "add", nodes: [bare], edges: [] }];
  const done = (more: readonly Change[]): VerbResult => ({
    changes: [...changes, ...more],
    label: fill(gettext("Add {name}"), { name }),
    select: { nodes: [id] },
  });
  if (edge) {
    const inserted = insertOnEdge(withIt, types, edgeKey(edge), id);
    if ("refused" in inserted) return inserted;
    return done([...inserted.changes, ...(wanted ? [] : moveDownstreamRight(doc, edge, at, place))]);
  }
  const wires: Change[] = [];
  if (insertion.from) {
    const wire = connect(withIt, types, insertion.from, id);
    if ("refused" in wire) return wire;
    wires.push(...wire.changes);
  }
  if (insertion.to) {
    const [port = "out"] = outPorts(bare, types);
    const wire = connect(withIt, types, { node: id, port }, insertion.to.node);
    if ("refused" in wire) return wire;
    wires.push(...wire.changes);
  }
  return done(wires);
}

function positionsOf(doc: Doc, place: PositionLookup): Position[] {
  return doc.nodes.flatMap((node) => place(node.id) ?? positionOf(node) ?? []);
}

/** Finds a place: right of the source, left of the target, or between the ends of the split edge; else right of all nodes. */
function placeFor(doc: Doc, insertion: InsertionPoint, edge: DocEdge | undefined, place: PositionLookup): Position {
  const at = (id: string | undefined): Position | null => {
    const node = id === undefined ? undefined : nodeOf(doc, id);
    return node ? (place(node.id) ?? positionOf(node)) : null;
  };
  const places = positionsOf(doc, place);
  const [from, to] = [at(edge?.source), at(edge?.target)];
  if (from && to)
    return to.x - from.x >= 2 * NODE_WIDTH
      ? roundPosition({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 })
      : roundPosition({ x: from.x + STEP_X, y: from.y });
  const source = at(insertion.from?.node);
  if (source) return freePlaceBelow({ x: source.x + STEP_X, y: source.y }, places);
  const target = at(insertion.to?.node);
  if (target) return freePlaceBelow({ x: target.x - STEP_X, y: target.y }, places);
  if (!places.length) return { x: 0, y: 0 };
  const last = places.reduce((right, one) => (one.x > right.x ? one : right));
  return freePlaceBelow({ x: last.x + STEP_X, y: last.y }, places);
}

/** Returns whether a card at that position would cover an end of the edge. */
const coversEnd = (edge: DocEdge, at: Position, place: PositionLookup): boolean =>
  [edge.source, edge.target].some((end) => {
    const other = place(end);
    return other !== null && Math.abs(other.x - at.x) < NODE_WIDTH && Math.abs(other.y - at.y) < NODE_HEIGHT;
  });

/** Moves a node that was dropped on an edge between the ends, if it would cover one of them. */
export function makeRoomOnEdge(doc: Doc, key: string, id: string, at: Position, place: PositionLookup): Change[] {
  const edge = edgeOf(doc, key);
  if (!edge || !coversEnd(edge, at, place)) return [];
  const room = placeFor(doc, { at: null }, edge, place);
  return [{ kind: "move", to: new Map([[id, room]]) }, ...moveDownstreamRight(doc, edge, room, place)];
}

/** Moves what is downstream of the edge to the right if the new node would cover it. */
function moveDownstreamRight(doc: Doc, edge: DocEdge, at: Position, place: PositionLookup): Change[] {
  const target = place(edge.target);
  const short = target ? at.x + STEP_X - target.x : 0;
  if (!target || short <= 0 || target.x <= (place(edge.source)?.x ?? Infinity)) return [];
  const behind = [...downstreamOf(doc, edge.target)].flatMap((id) => {
    const stands = place(id);
    return stands && stands.x >= target.x ? [[id, roundPosition({ x: stands.x + short, y: stands.y })] as const] : [];
  });
  return [{ kind: "move", to: new Map(behind) }];
}

/** Removes nodes and edges. Where removed nodes had one edge in and one out, their neighbours are connected. */
export function removeSelection(
  doc: Doc,
  selection: { readonly nodes: ReadonlySet<string>; readonly edges: ReadonlySet<string> },
  types: Types,
): VerbResult {
  const nodes = [...selection.nodes].filter((id) => indexOf(doc).has(id));
  const known = selection.edges.size ? doc.edges.filter((edge) => selection.edges.has(edgeKey(edge))) : [];
  if (!nodes.length && !known.length) return { refused: gettext("Nothing is selected.") };
  const gone = new Set(known);
  const going = new Set(nodes);
  const joins: DocEdge[] = [];
  for (const group of connectedGroups(doc, going)) {
    const into = group.flatMap((id) => edgesInto(doc, id).filter((edge) => !going.has(edge.source) && !gone.has(edge)));
    const outOf = group.flatMap((id) =>
      edgesOutOf(doc, id).filter((edge) => !going.has(edge.target) && !gone.has(edge)),
    );
    const [first] = into;
    const [last] = outOf;
    if (!first || !last || into.length > 1 || outOf.length > 1 || !leadsTo(doc, first.target, last.source, going))
      continue;
    if (edgesInto(doc, last.target).some((edge) => edge.source === first.source)) continue;
    const [source, port, target] = [first.source, sourcePort(first), last.target];
    joins.push(
      onlyOrders(first) || onlyOrders(last)
        ? makeOrder(source, port, target)
        : makeEdge(source, port, target, inputName(doc, types, last, source)),
    );
  }
  const changes: Change[] = [{ kind: "remove", nodes, edges: known.map(edgeKey) }];
  if (joins.length) changes.push({ kind: "add", nodes: [], edges: joins });
  return { changes, label: removalLabel(doc, nodes, known), select: { nodes: [], edges: [] } };
}

function removalLabel(doc: Doc, nodes: readonly string[], edges: readonly DocEdge[]): string {
  const [node] = nodes;
  if (node !== undefined && nodes.length === 1) return fill(gettext("Delete {name}"), { name: nameIn(doc, node) });
  if (nodes.length) return fill(ngettext("Delete {n} node", "Delete {n} nodes", nodes.length), { n: nodes.length });
  const [edge] = edges;
  if (edge && edges.length === 1)
    return fill(gettext("Disconnect {source} from {target}"), {
      source: nameIn(doc, edge.source),
      target: nameIn(doc, edge.target),
    });
  return fill(ngettext("Delete {n} connection", "Delete {n} connections", edges.length), { n: edges.length });
}

/** Returns whether a path leads from one node to the other through the given nodes only. */
function leadsTo(doc: Doc, from: string, to: string, through: ReadonlySet<string>): boolean {
  const seen = new Set([from]);
  for (const id of seen) for (const { target } of edgesOutOf(doc, id)) if (through.has(target)) seen.add(target);
  return seen.has(to);
}

/** Splits the nodes into connected groups. */
function connectedGroups(doc: Doc, ids: ReadonlySet<string>): string[][] {
  const left = new Set(ids);
  const found: string[][] = [];
  for (const start of ids) {
    if (!left.delete(start)) continue;
    const group = [start];
    for (const id of group) {
      for (const other of [
        ...edgesInto(doc, id).map((edge) => edge.source),
        ...edgesOutOf(doc, id).map((edge) => edge.target),
      ])
        if (left.delete(other)) group.push(other);
    }
    found.push(group);
  }
  return found;
}
