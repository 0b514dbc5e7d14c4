/** Verbs that connect and reconnect nodes, and insert a node into a connection. Pure. */

import type { Change } from "./changes";
import {
  configOf,
  type Doc,
  type DocEdge,
  edgeKey,
  nodeOf,
  onlyOrders,
  sourcePort,
  targetPort,
  typeOf,
} from "./document";
import { isReserved } from "./ids";
import { edgesInto, edgesOutOf, freePort, makeEdge, makeOrder, mustNamePort, outPorts, usesInputs } from "./ports";
import { pathBetween } from "./reach";
import { readsInput } from "./references/references";
import { fill, gettext, ngettext } from "../words/i18n";
import { edgeOf, missing, nameIn, shownName, type Types, type VerbResult } from "./verb";

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
export function inputName(doc: Doc, types: Types, edge: DocEdge, source: string): string {
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

/** Lets edges only order, or hand their values on again if all of them only order already. */
export function toggleOrder(doc: Doc, keys: ReadonlySet<string>): VerbResult {
  const edges = doc.edges.filter((edge) => keys.has(edgeKey(edge)));
  const [first] = edges;
  if (!first) return missing();
  const back = edges.every(onlyOrders);
  const changes: Change[] = [];
  for (const edge of edges) {
    if (onlyOrders(edge) !== back) continue;
    const [source, port, target] = [edge.source, sourcePort(edge), edge.target];
    const by = back
      ? makeEdge(source, port, target, freePort(doc, source, target, source))
      : makeOrder(source, port, target);
    changes.push({ kind: "replace_edge", edge: edgeKey(edge), by });
  }
  const names = { source: nameIn(doc, first.source), target: nameIn(doc, first.target), n: edges.length };
  const one = back
    ? gettext("Hand the value of {source} on to {target}")
    : gettext("Let {source} → {target} only order");
  const several = back
    ? ngettext("Hand the value of {n} connection on", "Hand the values of {n} connections on", edges.length)
    : ngettext("Let {n} connection only order", "Let {n} connections only order", edges.length);
  return { changes, label: fill(edges.length === 1 ? one : several, names) };
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
  const names = { source: nameIn(doc, from.node), target: nameIn(doc, to) };
  if (onlyOrders(edge))
    return {
      changes: [{ kind: "replace_edge", edge: key, by: makeOrder(from.node, from.port, to) }],
      label: fill(gettext("Reconnect {source} to {target}"), names),
    };
  const name =
    end === "source" ? inputName(doc, types, edge, from.node) : freePort(doc, from.node, to, targetPort(edge));
  const by = makeEdge(from.node, from.port, to, name);
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
  if (!onlyOrders(edge) && !usesInputs(node, types) && target && usesInputs(target, types))
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
      by: onlyOrders(edge)
        ? makeOrder(id, port, edge.target)
        : makeEdge(id, port, edge.target, inputName(doc, types, edge, id)),
    });
  }
  return { changes, label: fill(gettext("Insert {name}"), { name }), select: { nodes: [id] } };
}
