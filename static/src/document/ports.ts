/** Where wires begin and end: ports out of a node, and what comes in under which name. Pure. */

import type { Json, JsonObject } from "../live/protocol";
import { configOf, type Doc, type DocEdge, type DocNode, isObject, sourcePort, targetPort, typeOf } from "./document";
import type { NodeType, NodeTypes } from "./node-type";

const ONE: readonly string[] = ["out"];
const PORT = /^[a-z][a-z0-9_]{0,62}$/;
const madeOf = new WeakMap<JsonObject, readonly string[]>();

/** Ports out of a node, in order: those of its type, or those that its config names. */
export function outPorts(node: DocNode, types: NodeTypes): readonly string[] {
  const type = types.get(typeOf(node));
  if (!type) return ONE;
  if (type.out_ports) return type.out_ports;
  const config = configOf(node);
  let ports = madeOf.get(config);
  if (!ports) {
    ports = configuredPorts(type, config);
    madeOf.set(config, ports);
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
/** Whether edges into it bring values; of a type that is not known they may. */
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
