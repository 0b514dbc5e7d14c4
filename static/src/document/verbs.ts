/** The author's actions on the graph. Each returns the changes to apply, or the reason why it is refused. Pure. */

import { type Json } from "../json";
import type { InsertionPoint } from "./insertion-point";
import type { NodeType } from "./node-type";
import type { Change } from "./changes";
import {
  configOf,
  type Doc,
  type DocEdge,
  type DocNode,
  edgeKey,
  indexOf,
  nameOf,
  nodeOf,
  positionOf,
  sourcePort,
  targetPort,
  typeOf,
} from "./document";
import { freePlaceBelow, roundPosition, STEP_X } from "../graph/layout/arrange";
import { isId, isReserved, idFromName, uniqueId, uniqueName } from "./ids";
import { NODE_HEIGHT, NODE_WIDTH, type Position } from "../graph/model";
import { edgesInto, edgesOutOf, freePort, makeEdge, mustNamePort, outPorts, usesInputs } from "./ports";
import { downstreamOf, pathBetween } from "./reach";
import { readsInput, renameChanges } from "./references/references";
import { fill, gettext, ngettext } from "../words/i18n";
import { visible } from "../words/words";

import type { Problem } from "./problems";

export interface Edit {
  readonly changes: Change[];
  /** Shown as "Undo ...". */
  readonly label: string;
  /** Successive edits with the same key are one step of the history. */
  readonly mergeKey?: string;
  readonly select?: { readonly nodes?: string[]; readonly edges?: string[] };
}

export type VerbResult = Edit | { readonly refused: string };
export type Types = ReadonlyMap<string, NodeType>;
export type PositionLookup = (id: string) => Position | null;

const missing = (): VerbResult => ({ refused: gettext("This no longer exists.") });
const shownName = (node: DocNode): string => visible(nameOf(node));
const nameIn = (doc: Doc, id: string): string => {
  const node = nodeOf(doc, id);
  return node ? shownName(node) : visible(id);
};
const edgeOf = (doc: Doc, key: string): DocEdge | undefined => doc.edges.find((edge) => edgeKey(edge) === key);
const label = (text: string, doc: Doc, id: string): string => fill(text, { name: nameIn(doc, id) });

// -- add ---------------------------------------------------------------------------------------------

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

// -- wires -------------------------------------------------------------------------------------------

/** Why no wire may lead from one node to the other; null: it may. `but`: an edge that goes meanwhile. */
export function refusal(
  doc: Doc,
  types: Types,
  from: { readonly node: string; readonly port: string },
  to: string,
  ignoredEdge: DocEdge | null = null,
): string | null {
  const source = nodeOf(doc, from.node);
  const target = nodeOf(doc, to);
  if (!source || !target) return gettext("This no longer exists.");
  const names = { source: shownName(source), target: shownName(target) };
  if (from.node === to) return fill(gettext("{source} cannot depend on itself."), names);
  if (
    edgesInto(doc, to).some(
      (edge) => edge !== ignoredEdge && edge.source === from.node && sourcePort(edge) === from.port,
    )
  )
    return fill(gettext("{source} is already connected to {target}."), names);
  const ports = outPorts(source, types);
  if (mustNamePort(source, types) && !ports.includes(from.port)) {
    return fill(gettext("{source} has several outputs. Start the connection at one of its ports ({ports})."), {
      ...names,
      ports: ports.join(", "),
    });
  }
  const way = pathBetween(ignoredEdge ? docWithoutEdge(doc, ignoredEdge) : doc, to, from.node);
  if (!way) return null;
  return fill(gettext("{source} already depends on {target}: {way}"), {
    ...names,
    way: pathText(way.map((id) => nameIn(doc, id))),
  });
}

let lastDocWithoutEdge: { readonly of: Doc; readonly edge: DocEdge; readonly doc: Doc } | null = null;

/** Returns the document without an edge. Caches the last result: while an edge is being reconnected, each move needs it. */
function docWithoutEdge(doc: Doc, edge: DocEdge): Doc {
  if (lastDocWithoutEdge?.of !== doc || lastDocWithoutEdge.edge !== edge)
    lastDocWithoutEdge = { of: doc, edge, doc: { ...doc, edges: doc.edges.filter((one) => one !== edge) } };
  return lastDocWithoutEdge.doc;
}

const PATH_NAMES_MAX = 6;
const pathText = (names: readonly string[]): string =>
  (names.length > PATH_NAMES_MAX ? [...names.slice(0, 3), "…", ...names.slice(-2)] : names).join(" → ");

export function connect(
  doc: Doc,
  types: Types,
  from: { readonly node: string; readonly port: string },
  to: string,
): VerbResult {
  const refused = refusal(doc, types, from, to);
  if (refused !== null) return { refused };
  const edge = makeEdge(from.node, from.port, to, freePort(doc, from.node, to, from.node));
  const names = { source: nameIn(doc, from.node), target: nameIn(doc, to) };
  return {
    changes: [{ kind: "add", nodes: [], edges: [edge] }, ...initialQuery(doc, types, to, targetPort(edge))],
    label: fill(gettext("Connect {source} to {target}"), names),
  };
}

/** Gives a node with an empty query one that reads its first input. */
function initialQuery(doc: Doc, types: Types, id: string, port: string): Change[] {
  const node = nodeOf(doc, id);
  const type = node && types.get(typeOf(node));
  if (!node || !type?.code || type.code.language !== "sql" || !type.names_inputs) return [];
  const sql = configOf(node)[type.code.field];
  if (sql !== undefined && (typeof sql !== "string" || sql.trim())) return [];
  const value = `select * from ${isReserved(port) ? `"${port}"` : port}`;
  return [{ kind: "set", node: id, path: ["config", type.code.field], value }];
}

/** Returns the input name for another source of an edge: the old one if it is explicit or the target's code reads it. */
function inputName(doc: Doc, types: Types, edge: DocEdge, source: string): string {
  const target = nodeOf(doc, edge.target);
  const name = targetPort(edge);
  const explicit = typeof edge["target_port"] === "string" && edge["target_port"] !== "";
  return freePort(
    doc,
    source,
    edge.target,
    explicit || (target && readsInput(target, name, types)) ? name : source,
    edge,
  );
}

/** Moves one end of an edge to another node. */
export function reconnect(
  doc: Doc,
  types: Types,
  key: string,
  end: "source" | "target",
  node: string,
  port?: string,
): VerbResult {
  const edge = edgeOf(doc, key);
  if (!edge) return missing();
  const from =
    end === "source"
      ? { node, port: port ?? outPorts(nodeOf(doc, node) ?? { id: node }, types)[0] ?? "out" }
      : { node: edge.source, port: sourcePort(edge) };
  const to = end === "target" ? node : edge.target;
  if (from.node === edge.source && from.port === sourcePort(edge) && to === edge.target)
    return { refused: gettext("It is already connected there.") };
  const refused = refusal(doc, types, from, to, edge);
  if (refused !== null) return { refused };
  const name =
    end === "source" ? inputName(doc, types, edge, from.node) : freePort(doc, from.node, to, targetPort(edge));
  const by = makeEdge(from.node, from.port, to, name);
  const names = { source: nameIn(doc, from.node), target: nameIn(doc, to) };
  return {
    changes: [{ kind: "replace_edge", edge: key, by }, ...initialQuery(doc, types, to, name)],
    label: fill(gettext("Reconnect {source} to {target}"), names),
  };
}

/** Puts a node between the two ends of an edge. */
export function insertOnEdge(doc: Doc, types: Types, key: string, id: string): VerbResult {
  const edge = edgeOf(doc, key);
  const node = nodeOf(doc, id);
  if (!edge || !node) return missing();
  const name = shownName(node);
  if (edge.source === id || edge.target === id)
    return { refused: fill(gettext("{name} is an end of this connection."), { name }) };
  const target = nodeOf(doc, edge.target);
  if (!usesInputs(node, types) && target && usesInputs(target, types))
    return { refused: fill(gettext("{name} takes no input, so it can't go between two nodes."), { name }) };
  const rest = docWithoutEdge(doc, edge);
  const [port] = outPorts(node, types);
  if (port === undefined) return { refused: fill(gettext("{name} has no output port yet."), { name }) };
  const changes: Change[] = [];
  if (!edgesInto(doc, id).some((one) => one.source === edge.source && sourcePort(one) === sourcePort(edge))) {
    const refused = refusal(rest, types, { node: edge.source, port: sourcePort(edge) }, id);
    if (refused !== null) return { refused };
    const inner = makeEdge(edge.source, sourcePort(edge), id, freePort(rest, edge.source, id, edge.source));
    changes.push({ kind: "add", nodes: [], edges: [inner] }, ...initialQuery(doc, types, id, targetPort(inner)));
  }
  if (edgesOutOf(rest, id).some((one) => one.target === edge.target))
    changes.unshift({ kind: "remove", nodes: [], edges: [key] });
  else {
    const refused = refusal(rest, types, { node: id, port }, edge.target);
    if (refused !== null) return { refused };
    changes.unshift({
      kind: "replace_edge",
      edge: key,
      by: makeEdge(id, port, edge.target, inputName(doc, types, edge, id)),
    });
  }
  return { changes, label: fill(gettext("Insert {name}"), { name }), select: { nodes: [id] } };
}

// -- remove ------------------------------------------------------------------------------------------

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
    joins.push(makeEdge(first.source, sourcePort(first), last.target, inputName(doc, types, last, first.source)));
  }
  const changes: Change[] = [{ kind: "remove", nodes, edges: known.map(edgeKey) }];
  if (joins.length) changes.push({ kind: "add", nodes: [], edges: joins });
  return { changes, label: removalLabel(doc, nodes, known), select: { nodes: [], edges: [] } };
}

function removalLabel(doc: Doc, nodes: readonly string[], edges: readonly DocEdge[]): string {
  const [node] = nodes;
  if (node !== undefined && nodes.length === 1) return label(gettext("Delete {name}"), doc, node);
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

// -- names -------------------------------------------------------------------------------------------

/** Renames a node. Its id follows the name until the node is first published (`publishedIds`; null: unknown, the id stays),
 * and references follow the id. An empty name removes the name. */
export function renameNode(
  doc: Doc,
  types: Types,
  id: string,
  name: string,
  publishedIds: ReadonlySet<string> | null,
): VerbResult {
  const node = nodeOf(doc, id);
  if (!node) return missing();
  const newName = name.trim();
  const free = { has: (other: string): boolean => other !== id && indexOf(doc).has(other) };
  const next = newName && publishedIds && !publishedIds.has(id) ? uniqueId(idFromName(newName) || id, free) : id;
  const changes: Change[] = [
    {
      kind: "set",
      node: id,
      path: ["name"],
      value: newName && newName !== next ? newName : newName ? nameIfStored(node, newName) : undefined,
    },
  ];
  if (next !== id) changes.push(...renameChanges(doc, types, id, next));
  return { changes, label: fill(gettext("Rename {name}"), { name: shownName(node) }) };
}

/** A name that equals the id is stored only where the node has a name. */
const nameIfStored = (node: DocNode, said: string): Json | undefined => (node["name"] === undefined ? undefined : said);

export function setId(doc: Doc, id: string, newId: string, types: Types): VerbResult {
  const node = nodeOf(doc, id);
  if (!node) return missing();
  const wantedId = newId.trim();
  if (!isId(wantedId))
    return {
      refused: gettext(
        "An ID starts with a lowercase letter and has at most 63 lowercase letters, digits and underscores.",
      ),
    };
  if (wantedId !== id && indexOf(doc).has(wantedId))
    return { refused: fill(gettext("{name} already has the ID {id}."), { name: nameIn(doc, wantedId), id: wantedId }) };
  const changes: Change[] =
    wantedId === id
      ? []
      : renameChanges(doc, types, id, wantedId).map((change) =>
          change.kind === "rename" ? { ...change, chosen: true } : change,
        );
  return { changes, label: fill(gettext("Change the ID of {name}"), { name: shownName(node) }) };
}

// -- fixes -------------------------------------------------------------------------------------------

/** Applies the fix that a problem offers. */
export function applyFix(problem: Problem): VerbResult {
  if (!problem.fix) return { refused: gettext("There is no automatic fix for this.") };
  return { changes: [{ kind: "patch", operations: problem.fix.changes }], label: problem.fix.label };
}
