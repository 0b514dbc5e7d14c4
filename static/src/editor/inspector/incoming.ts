/** The inputs of a node, from the document and the outputs that are known. */

import type { NodeTypes } from "../../document/node-type";
import { isObject, type JsonObject } from "../../json";
import { type Doc, type DocEdge, edgeKey, nameOf, nodeOf, targetPort, typeOf } from "../../document/document";
import { edgesInto, edgesOutOf, inputsInto } from "../../document/ports";

import type { Scope as CodeScope } from "../code/options";
import type { Editing } from "../parts";
import type { Column, EditorStore } from "../../document/store";

export function edgeOf(doc: Doc, key: string): DocEdge | null {
  const [source] = JSON.parse(key) as string[];
  return edgesOutOf(doc, source ?? "").find((edge) => edgeKey(edge) === key) ?? null;
}

/** The kind and columns of a node's output, as far as they are known. */
export interface OutputShape {
  readonly kind: "table" | "json" | "unknown";
  readonly columns: readonly Column[] | null;
  readonly rows: number | null;
}

const UNKNOWN: OutputShape = { kind: "unknown", columns: null, rows: null };

/** Returns the shape of the output of a node. A type whose output is its input has the shape of the node before it. */
export function outputShapeOf(store: EditorStore, types: NodeTypes, id: string): OutputShape {
  let at = id;
  for (let steps = 0; steps < 20; steps += 1) {
    const columns = store.schemas.get(at);
    const output = store.outputs.get(at);
    if (columns) return { kind: "table", columns, rows: output?.kind === "table" ? output.rows : null };
    if (output) return { kind: output.kind === "table" ? "table" : "json", columns: output.columns, rows: output.rows };
    const node = nodeOf(store.doc, at);
    const [edge] = inputsInto(store.doc, at);
    if (!node || types.get(typeOf(node))?.output !== "input" || !edge) return UNKNOWN;
    at = edge.source;
  }
  return UNKNOWN;
}

/** Returns the ids of all upstream nodes, nearest first. */
function before(doc: Doc, id: string, most = 200): string[] {
  const found = new Set<string>();
  let ring = [id];
  while (ring.length && found.size < most) {
    const next: string[] = [];
    for (const at of ring) {
      for (const edge of edgesInto(doc, at)) {
        if (edge.source === id || found.has(edge.source) || !nodeOf(doc, edge.source)) continue;
        found.add(edge.source);
        next.push(edge.source);
      }
    }
    ring = next;
  }
  return [...found];
}

/** Returns the names that the code of a node can use. */
export function codeScope(editing: Editing, id: string): CodeScope {
  const { doc } = editing.store;
  const declared = doc["inputs"];
  const properties = isObject(declared as JsonObject | undefined) ? (declared as JsonObject)["properties"] : undefined;
  return {
    inputs: inputsInto(doc, id).map((edge) => {
      const { kind, columns } = outputShapeOf(editing.store, editing.facts.types, edge.source);
      return { port: targetPort(edge), kind, columns };
    }),
    workflowInputs: isObject(properties) ? Object.keys(properties) : [],
    upstream: before(doc, id).map((at) => ({ id: at, name: nameOf(nodeOf(doc, at) ?? { id: at }) })),
  };
}
