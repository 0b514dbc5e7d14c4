/** The ends of edges: output ports of nodes, and the names of their inputs. Pure. */

import { isObject, type Json, type JsonObject } from "../json";
import { configOf, type Doc, type DocEdge, type DocNode, onlyOrders, sourcePort, targetPort, typeOf } from "./document";
import type { NodeType, NodeTypes } from "./node-type";

const ONE: readonly string[] = ["out"];
const PORT = /^[a-z][a-z0-9_]{0,62}$/;
const configuredPortsOf = new WeakMap<JsonObject, readonly string[]>();

/** Returns the output ports of a node in order: those of its type, or those that its config names. */
export function outPorts(node: DocNode, types: NodeTypes): readonly string[] {
  const type = types.get(typeOf(node));
  if (!type) return ONE;
  if (type.out_ports) return type.out_ports;
  const config = configOf(node);
  let ports = configuredPortsOf.get(config);
  if (!ports) {
    ports = configuredPorts(type, config);
    configuredPortsOf.set(config, ports);
  }
  return ports;
}

/** The port names at the fields marked with `x-port`; the default ports while the config has none of these fields. */
function configuredPorts(type: NodeType, config: JsonObject): readonly string[] {
  const marked = Object.entries(propertiesOf(type.config)).filter(([name, part]) => name in config && hasMark(part));
  if (!marked.length) return type.default_ports;
  return [...new Set(marked.flatMap(([name, part]) => markedPorts(part, config[name])))];
}

const propertiesOf = (schema: JsonObject): JsonObject => (isObject(schema["properties"]) ? schema["properties"] : {});

function hasMark(schema: Json | undefined): boolean {
  if (!isObject(schema)) return false;
  return schema["x-port"] === true || hasMark(schema["items"]) || Object.values(propertiesOf(schema)).some(hasMark);
}

function markedPorts(schema: Json | undefined, value: Json | undefined): string[] {
  if (!isObject(schema)) return [];
  if (schema["x-port"] === true) return typeof value === "string" && PORT.test(value) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => markedPorts(schema["items"], item));
  if (!isObject(value)) return [];
  return Object.entries(propertiesOf(schema)).flatMap(([name, part]) => markedPorts(part, value[name]));
}

export const mustNamePort = (node: DocNode, types: NodeTypes): boolean =>
  types.get(typeOf(node))?.must_name_port === true;
/** Returns whether edges into the node bring values; of an unknown type they may. */
export const usesInputs = (node: DocNode, types: NodeTypes): boolean => types.get(typeOf(node))?.uses_inputs !== false;

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

/** The edges into and out of a node, in document order. */
export const edgesInto = (doc: Doc, id: string): readonly DocEdge[] => adjacency(doc).into.get(id) ?? NO_EDGES;
/** The edges that bring the node a value. */
export const inputsInto = (doc: Doc, id: string): readonly DocEdge[] => {
  const into = edgesInto(doc, id);
  return into.some(onlyOrders) ? into.filter((edge) => !onlyOrders(edge)) : into;
};
export const edgesOutOf = (doc: Doc, id: string): readonly DocEdge[] => adjacency(doc).outOf.get(id) ?? NO_EDGES;

/** Makes an edge; default ports are left out. */
export function makeEdge(source: string, port: string, target: string, name: string): DocEdge {
  return {
    source,
    target,
    ...(port === "out" ? {} : { source_port: port }),
    ...(name === source ? {} : { target_port: name }),
  };
}

/** Makes an edge that only orders. */
export const makeOrder = (source: string, port: string, target: string): DocEdge => ({
  ...makeEdge(source, port, target, source),
  order: true,
});

/** Returns an input name that no other edge into the target has. Edges from several ports of one node may share a name. */
export function freePort(
  doc: Doc,
  source: string,
  target: string,
  wanted: string,
  leaveOut: DocEdge | null = null,
): string {
  const taken = new Set(
    inputsInto(doc, target).flatMap((edge) =>
      edge === leaveOut || (edge.source === source && sourcePort(edge) !== "out") ? [] : [targetPort(edge)],
    ),
  );
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number += 1) {
    const name = `${wanted.slice(0, 58)}_${number}`;
    if (!taken.has(name)) return name;
  }
}
