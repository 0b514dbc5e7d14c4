/** Where wires begin and end: ports out of a node, and what comes in under which name. Pure. */

import type { JsonObject } from "../live/protocol";
import { configOf, type Doc, type DocEdge, type DocNode, isObject, sourcePort, targetPort, typeOf } from "./document";

/** What this asks of a node type; the editor's NodeType has more. */
export interface PortType {
  /** Null: they depend on the config, and an edge out of it must name its own. */
  readonly out_ports: readonly string[] | null;
  /** False: edges into it only order. */
  readonly uses_inputs: boolean;
}

export type PortTypes = ReadonlyMap<string, PortType>;

const ONE: readonly string[] = ["out"];
const PORT = /^[a-z][a-z0-9_]{0,62}$/;
const madeOf = new WeakMap<JsonObject, readonly string[]>();

/** Ports out of a node, in order: `out`, or those that its config names (branch). */
export function outPorts(node: DocNode, types: PortTypes): readonly string[] {
  const type = types.get(typeOf(node));
  if (!type) return ONE;
  if (type.out_ports) return type.out_ports;
  const config = configOf(node);
  let ports = madeOf.get(config);
  if (!ports) {
    ports = branchPorts(config);
    madeOf.set(config, ports);
  }
  return ports;
}

function branchPorts(config: JsonObject): readonly string[] {
  const { cases } = config;
  if (!Array.isArray(cases)) return ["true", "false"];
  const named = [...cases.map((one) => (isObject(one) ? one["port"] : null)), config["default"]];
  return [...new Set(named.filter((name): name is string => typeof name === "string" && PORT.test(name)))];
}

export const mustNamePort = (node: DocNode, types: PortTypes): boolean => types.get(typeOf(node))?.out_ports === null;
/** Whether edges into it bring values; of a type that is not known they may. */
export const usesInputs = (node: DocNode, types: PortTypes): boolean => types.get(typeOf(node))?.uses_inputs !== false;

interface Adjacency {
  readonly into: ReadonlyMap<string, readonly DocEdge[]>;
  readonly outOf: ReadonlyMap<string, readonly DocEdge[]>;
}

const adjacencies = new WeakMap<readonly DocEdge[], Adjacency>();
const NO_EDGES: readonly DocEdge[] = [];

function adjacency(doc: Doc): Adjacency {
  let made = adjacencies.get(doc.edges);
  if (!made) {
    const into = new Map<string, DocEdge[]>();
    const outOf = new Map<string, DocEdge[]>();
    const push = (map: Map<string, DocEdge[]>, id: string, edge: DocEdge): void => {
      const list = map.get(id);
      if (list) list.push(edge);
      else map.set(id, [edge]);
    };
    for (const edge of doc.edges) {
      push(into, edge.target, edge);
      push(outOf, edge.source, edge);
    }
    made = { into, outOf };
    adjacencies.set(doc.edges, made);
  }
  return made;
}

/** Edges into a node and out of it, in the document's order. */
export const edgesInto = (doc: Doc, id: string): readonly DocEdge[] => adjacency(doc).into.get(id) ?? NO_EDGES;
export const edgesOutOf = (doc: Doc, id: string): readonly DocEdge[] => adjacency(doc).outOf.get(id) ?? NO_EDGES;

export interface Input {
  /** The name under which the node's code finds the value. */
  readonly port: string;
  readonly edge: DocEdge;
  /** Id of the node that it comes from. */
  readonly source: string;
}

export const inputsOf = (doc: Doc, id: string): Input[] =>
  edgesInto(doc, id).map((edge) => ({ port: targetPort(edge), edge, source: edge.source }));

/** What an edge says beside its two ends: ports that go without saying are left out. */
export function makeEdge(source: string, port: string, target: string, name: string): DocEdge {
  return {
    source,
    target,
    ...(port === "out" ? {} : { source_port: port }),
    ...(name === source ? {} : { target_port: name }),
  };
}

/** A name for what comes from `source`, that no other edge into the target has; of ports of one branch it may be the same. */
export function freePort(
  doc: Doc,
  source: string,
  target: string,
  wanted: string,
  leaveOut: DocEdge | null = null,
): string {
  const taken = new Set(
    edgesInto(doc, target).flatMap((edge) =>
      edge === leaveOut || (edge.source === source && sourcePort(edge) !== "out") ? [] : [targetPort(edge)],
    ),
  );
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number += 1) {
    const name = `${wanted.slice(0, 58)}_${number}`;
    if (!taken.has(name)) return name;
  }
}
