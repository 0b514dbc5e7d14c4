/** What an author does to the graph, as changes: or the sentence that says why it cannot be done. Pure. */

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
import { freePlace, rounded, STEP_X } from "../graph/layout/arrange";
import { isId, isReserved, slug, unique, uniqueName } from "./ids";
import { NODE_HEIGHT, NODE_WIDTH, type Position } from "../graph/model";
import { edgesInto, edgesOutOf, freePort, makeEdge, mustNamePort, outPorts, usesInputs } from "./ports";
import { after, pathBetween } from "./reach";
import { readsInput, renameChanges } from "./references/references";
import type { Json } from "../live/protocol";
import { fill, gettext, ngettext } from "../words/i18n";
import { visible } from "../words/words";

import type { Problem } from "./problems";

export interface Done {
  readonly changes: Change[];
  /** For "Undo ...". */
  readonly label: string;
  /** Edits in a row with the same word are one step. */
  readonly merge?: string;
  readonly select?: { readonly nodes?: string[]; readonly edges?: string[] };
}

export type Verb = Done | { readonly refused: string };
export type Types = ReadonlyMap<string, NodeType>;
export type Place = (id: string) => Position | null;

const NOT_THERE = (): Verb => ({ refused: gettext("That is not there any more.") });
const shownName = (node: DocNode): string => visible(nameOf(node));
const nameIn = (doc: Doc, id: string): string => {
  const node = nodeOf(doc, id);
  return node ? shownName(node) : visible(id);
};
const edgeOf = (doc: Doc, key: string): DocEdge | undefined => doc.edges.find((edge) => edgeKey(edge) === key);
const label = (text: string, doc: Doc, id: string): string => fill(text, { name: nameIn(doc, id) });

// -- add ---------------------------------------------------------------------------------------------

/** A new node, with the wires that the wish names. */
export function addNode(doc: Doc, types: Types, type: string, wish: InsertionPoint, place: Place): Verb {
  const kind = types.get(type);
  // The name is said in the reader's language; an id takes what it can of it, or the type's.
  const id = unique(slug(kind?.name ?? type) || slug(type) || "node", indexOf(doc));
  const name = uniqueName(kind?.name ?? type, new Set(doc.nodes.map(nameOf)));
  const edge = wish.edge === undefined ? undefined : edgeOf(doc, wish.edge);
  const wanted = wish.at && !(edge && coversEnd(edge, wish.at, place)) ? rounded(wish.at) : null;
  const at = wanted ?? roomFor(doc, wish, edge, place);
  const bare: DocNode = { id, type, name, config: kind?.default_config ?? {}, position: { x: at.x, y: at.y } };
  const withIt: Doc = { ...doc, nodes: [...doc.nodes, bare] };
  const changes: Change[] = [{ kind: "add", nodes: [bare], edges: [] }];
  const done = (more: readonly Change[]): Verb => ({
    changes: [...changes, ...more],
    label: fill(gettext("Add {name}"), { name }),
    select: { nodes: [id] },
  });
  if (edge) {
    const inserted = insertOnEdge(withIt, types, edgeKey(edge), id);
    if ("refused" in inserted) return inserted;
    return done([...inserted.changes, ...(wanted ? [] : madeRoom(doc, edge, at, place))]);
  }
  const wires: Change[] = [];
  if (wish.from) {
    const wire = connect(withIt, types, wish.from, id);
    if ("refused" in wire) return wire;
    wires.push(...wire.changes);
  }
  if (wish.to) {
    const [port = "out"] = outPorts(bare, types);
    const wire = connect(withIt, types, { node: id, port }, wish.to.node);
    if ("refused" in wire) return wire;
    wires.push(...wire.changes);
  }
  return done(wires);
}

function placesOf(doc: Doc, place: Place): Position[] {
  return doc.nodes.flatMap((node) => place(node.id) ?? positionOf(node) ?? []);
}

/** Right of where its wire comes from, left of where it leads, between the ends of its edge; else right of everything. */
function roomFor(doc: Doc, wish: InsertionPoint, edge: DocEdge | undefined, place: Place): Position {
  const at = (id: string | undefined): Position | null => {
    const node = id === undefined ? undefined : nodeOf(doc, id);
    return node ? (place(node.id) ?? positionOf(node)) : null;
  };
  const places = placesOf(doc, place);
  const [from, to] = [at(edge?.source), at(edge?.target)];
  if (from && to)
    return to.x - from.x >= 2 * NODE_WIDTH
      ? rounded({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 })
      : rounded({ x: from.x + STEP_X, y: from.y });
  const source = at(wish.from?.node);
  if (source) return freePlace({ x: source.x + STEP_X, y: source.y }, places);
  const target = at(wish.to?.node);
  if (target) return freePlace({ x: target.x - STEP_X, y: target.y }, places);
  if (!places.length) return { x: 0, y: 0 };
  const last = places.reduce((right, one) => (one.x > right.x ? one : right));
  return freePlace({ x: last.x + STEP_X, y: last.y }, places);
}

/** Whether a card there would cover one of the edge's ends. */
const coversEnd = (edge: DocEdge, at: Position, place: Place): boolean =>
  [edge.source, edge.target].some((end) => {
    const other = place(end);
    return other !== null && Math.abs(other.x - at.x) < NODE_WIDTH && Math.abs(other.y - at.y) < NODE_HEIGHT;
  });

/** Room for a node that was let go over an edge: where it would cover an end it goes between them. */
export function roomOnEdge(doc: Doc, key: string, id: string, at: Position, place: Place): Change[] {
  const edge = edgeOf(doc, key);
  if (!edge || !coversEnd(edge, at, place)) return [];
  const room = roomFor(doc, { at: null }, edge, place);
  return [{ kind: "move", to: new Map([[id, room]]) }, ...madeRoom(doc, edge, room, place)];
}

/** What stands behind the edge moves right when the new node would cover it. */
function madeRoom(doc: Doc, edge: DocEdge, at: Position, place: Place): Change[] {
  const target = place(edge.target);
  const short = target ? at.x + STEP_X - target.x : 0;
  if (!target || short <= 0 || target.x <= (place(edge.source)?.x ?? Infinity)) return [];
  const behind = [...after(doc, edge.target)].flatMap((id) => {
    const stands = place(id);
    return stands && stands.x >= target.x ? [[id, rounded({ x: stands.x + short, y: stands.y })] as const] : [];
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
  but: DocEdge | null = null,
): string | null {
  const source = nodeOf(doc, from.node);
  const target = nodeOf(doc, to);
  if (!source || !target) return gettext("That is not there any more.");
  const names = { source: shownName(source), target: shownName(target) };
  if (from.node === to) return fill(gettext("{source} cannot depend on itself."), names);
  if (edgesInto(doc, to).some((edge) => edge !== but && edge.source === from.node && sourcePort(edge) === from.port))
    return fill(gettext("{source} leads into {target} already."), names);
  const ports = outPorts(source, types);
  if (mustNamePort(source, types) && !ports.includes(from.port)) {
    return fill(gettext("Start the connection at a port of {source}: {ports}."), {
      ...names,
      ports: ports.join(", "),
    });
  }
  const way = pathBetween(but ? without(doc, but) : doc, to, from.node);
  if (!way) return null;
  return fill(gettext("{source} already depends on {target}: {way}"), {
    ...names,
    way: shownWay(way.map((id) => nameIn(doc, id))),
  });
}

let lastWithout: { readonly of: Doc; readonly edge: DocEdge; readonly doc: Doc } | null = null;

/** The document without an edge. The last one is kept: while a wire is led elsewhere, it is asked about at every move. */
function without(doc: Doc, edge: DocEdge): Doc {
  if (lastWithout?.of !== doc || lastWithout.edge !== edge)
    lastWithout = { of: doc, edge, doc: { ...doc, edges: doc.edges.filter((one) => one !== edge) } };
  return lastWithout.doc;
}

const WAY_MAX = 6;
const shownWay = (names: readonly string[]): string =>
  (names.length > WAY_MAX ? [...names.slice(0, 3), "…", ...names.slice(-2)] : names).join(" → ");

export function connect(
  doc: Doc,
  types: Types,
  from: { readonly node: string; readonly port: string },
  to: string,
): Verb {
  const refused = refusal(doc, types, from, to);
  if (refused !== null) return { refused };
  const edge = makeEdge(from.node, from.port, to, freePort(doc, from.node, to, from.node));
  const names = { source: nameIn(doc, from.node), target: nameIn(doc, to) };
  return {
    changes: [{ kind: "add", nodes: [], edges: [edge] }, ...firstQuery(doc, types, to, targetPort(edge))],
    label: fill(gettext("Connect {source} to {target}"), names),
  };
}

/** A query that is empty reads the first table that comes in. */
function firstQuery(doc: Doc, types: Types, id: string, port: string): Change[] {
  const node = nodeOf(doc, id);
  const type = node && types.get(typeOf(node));
  if (!node || !type?.code || type.code.language !== "sql" || !type.names_inputs) return [];
  const sql = configOf(node)[type.code.field];
  if (sql !== undefined && (typeof sql !== "string" || sql.trim())) return [];
  const value = `select * from ${isReserved(port) ? `"${port}"` : port}`;
  return [{ kind: "set", node: id, path: ["config", type.code.field], value }];
}

/** The name that the target's code knows a value by stays when it reads it; else the new source's own. */
function keptPort(doc: Doc, types: Types, edge: DocEdge, source: string): string {
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

/** One end of an edge elsewhere. */
export function reconnect(
  doc: Doc,
  types: Types,
  key: string,
  end: "source" | "target",
  node: string,
  port?: string,
): Verb {
  const edge = edgeOf(doc, key);
  if (!edge) return NOT_THERE();
  const from =
    end === "source"
      ? { node, port: port ?? outPorts(nodeOf(doc, node) ?? { id: node }, types)[0] ?? "out" }
      : { node: edge.source, port: sourcePort(edge) };
  const to = end === "target" ? node : edge.target;
  if (from.node === edge.source && from.port === sourcePort(edge) && to === edge.target)
    return { refused: gettext("It leads there already.") };
  const refused = refusal(doc, types, from, to, edge);
  if (refused !== null) return { refused };
  const name =
    end === "source" ? keptPort(doc, types, edge, from.node) : freePort(doc, from.node, to, targetPort(edge));
  const by = makeEdge(from.node, from.port, to, name);
  const names = { source: nameIn(doc, from.node), target: nameIn(doc, to) };
  return {
    changes: [{ kind: "replace_edge", edge: key, by }, ...firstQuery(doc, types, to, name)],
    label: fill(gettext("Lead {source} to {target}"), names),
  };
}

/** A node comes between the two ends of an edge. */
export function insertOnEdge(doc: Doc, types: Types, key: string, id: string): Verb {
  const edge = edgeOf(doc, key);
  const node = nodeOf(doc, id);
  if (!edge || !node) return NOT_THERE();
  const name = shownName(node);
  if (edge.source === id || edge.target === id)
    return { refused: fill(gettext("{name} is an end of this wire."), { name }) };
  const target = nodeOf(doc, edge.target);
  if (!usesInputs(node, types) && target && usesInputs(target, types))
    return { refused: fill(gettext("{name} takes no input, so it cannot stand between two nodes."), { name }) };
  const rest = without(doc, edge);
  const [port] = outPorts(node, types);
  if (port === undefined)
    return { refused: fill(gettext("{name} has no port yet that a wire could begin at."), { name }) };
  const changes: Change[] = [];
  if (!edgesInto(doc, id).some((one) => one.source === edge.source && sourcePort(one) === sourcePort(edge))) {
    const refused = refusal(rest, types, { node: edge.source, port: sourcePort(edge) }, id);
    if (refused !== null) return { refused };
    const inner = makeEdge(edge.source, sourcePort(edge), id, freePort(rest, edge.source, id, edge.source));
    changes.push({ kind: "add", nodes: [], edges: [inner] }, ...firstQuery(doc, types, id, targetPort(inner)));
  }
  if (edgesOutOf(rest, id).some((one) => one.target === edge.target))
    changes.unshift({ kind: "remove", nodes: [], edges: [key] });
  else {
    const refused = refusal(rest, types, { node: id, port }, edge.target);
    if (refused !== null) return { refused };
    changes.unshift({
      kind: "replace_edge",
      edge: key,
      by: makeEdge(id, port, edge.target, keptPort(doc, types, edge, id)),
    });
  }
  return { changes, label: fill(gettext("Insert {name}"), { name }), select: { nodes: [id] } };
}

// -- remove ------------------------------------------------------------------------------------------

/** Takes nodes and edges away. Where one node led into what goes and one followed it, they are joined. */
export function removeSelection(
  doc: Doc,
  selection: { readonly nodes: ReadonlySet<string>; readonly edges: ReadonlySet<string> },
  types: Types,
): Verb {
  const nodes = [...selection.nodes].filter((id) => indexOf(doc).has(id));
  const known = selection.edges.size ? doc.edges.filter((edge) => selection.edges.has(edgeKey(edge))) : [];
  if (!nodes.length && !known.length) return { refused: gettext("Nothing is selected.") };
  const gone = new Set(known);
  const going = new Set(nodes);
  const joins: DocEdge[] = [];
  for (const group of groups(doc, going)) {
    const into = group.flatMap((id) => edgesInto(doc, id).filter((edge) => !going.has(edge.source) && !gone.has(edge)));
    const outOf = group.flatMap((id) =>
      edgesOutOf(doc, id).filter((edge) => !going.has(edge.target) && !gone.has(edge)),
    );
    const [first] = into;
    const [last] = outOf;
    if (!first || !last || into.length > 1 || outOf.length > 1 || !leadsTo(doc, first.target, last.source, going))
      continue;
    if (edgesInto(doc, last.target).some((edge) => edge.source === first.source)) continue;
    joins.push(makeEdge(first.source, sourcePort(first), last.target, keptPort(doc, types, last, first.source)));
  }
  const changes: Change[] = [{ kind: "remove", nodes, edges: known.map(edgeKey) }];
  if (joins.length) changes.push({ kind: "add", nodes: [], edges: joins });
  return { changes, label: removed(doc, nodes, known), select: { nodes: [], edges: [] } };
}

function removed(doc: Doc, nodes: readonly string[], edges: readonly DocEdge[]): string {
  const [node] = nodes;
  if (node !== undefined && nodes.length === 1) return label(gettext("Delete {name}"), doc, node);
  if (nodes.length) return fill(ngettext("Delete {n} node", "Delete {n} nodes", nodes.length), { n: nodes.length });
  const [edge] = edges;
  if (edge && edges.length === 1)
    return fill(gettext("Disconnect {source} from {target}"), {
      source: nameIn(doc, edge.source),
      target: nameIn(doc, edge.target),
    });
  return fill(ngettext("Delete {n} wire", "Delete {n} wires", edges.length), { n: edges.length });
}

/** Whether a way leads from one node to the other through those given alone. */
function leadsTo(doc: Doc, from: string, to: string, through: ReadonlySet<string>): boolean {
  const seen = new Set([from]);
  for (const id of seen) for (const { target } of edgesOutOf(doc, id)) if (through.has(target)) seen.add(target);
  return seen.has(to);
}

/** Nodes that hang together among those given. */
function groups(doc: Doc, ids: ReadonlySet<string>): string[][] {
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

/** Another name; the id follows it until the node was first published (`publishedIds`; null: not known), and what names
 * the id follows that. An empty name is the id again. */
export function renameNode(
  doc: Doc,
  types: Types,
  id: string,
  name: string,
  publishedIds: ReadonlySet<string> | null,
): Verb {
  const node = nodeOf(doc, id);
  if (!node) return NOT_THERE();
  const said = name.trim();
  const free = { has: (other: string): boolean => other !== id && indexOf(doc).has(other) };
  const next = said && publishedIds && !publishedIds.has(id) ? unique(slug(said) || id, free) : id;
  const changes: Change[] = [
    {
      kind: "set",
      node: id,
      path: ["name"],
      value: said && said !== next ? said : said ? keptName(node, said) : undefined,
    },
  ];
  if (next !== id) changes.push(...renameChanges(doc, types, id, next));
  return { changes, label: fill(gettext("Rename {name}"), { name: shownName(node) }) };
}

/** A name that only repeats the id is left away where none stood. */
const keptName = (node: DocNode, said: string): Json | undefined => (node["name"] === undefined ? undefined : said);

export function setId(doc: Doc, id: string, newId: string, types: Types): Verb {
  const node = nodeOf(doc, id);
  if (!node) return NOT_THERE();
  const said = newId.trim();
  if (!isId(said))
    return {
      refused: gettext("An id starts with a small letter and has only small letters, digits and _, at most 63."),
    };
  if (said !== id && indexOf(doc).has(said))
    return { refused: fill(gettext("{name} has the id {id} already."), { name: nameIn(doc, said), id: said }) };
  const changes: Change[] =
    said === id
      ? []
      : renameChanges(doc, types, id, said).map((change) =>
          change.kind === "rename" ? { ...change, chosen: true } : change,
        );
  return { changes, label: fill(gettext("Change the id of {name}"), { name: shownName(node) }) };
}

// -- repairs -----------------------------------------------------------------------------------------

/** The repair that a problem offers. */
export function applyFix(problem: Problem): Verb {
  if (!problem.fix) return { refused: gettext("There is no repair for this.") };
  return { changes: [{ kind: "patch", operations: problem.fix.changes }], label: problem.fix.label };
}

export { align, copyText, duplicate, moveNodes, nudge, paste } from "./placement-verbs";
