/** Finds which inputs and outputs the code of nodes names, and adapts the code when an id changes. Pure. */

import { isObject, type Json, type JsonObject } from "../../json";
import type { Change, Path } from "../changes";
import { configOf, type Doc, type DocNode, edgeKey, nodeOf, onlyOrders, targetPort, typeOf } from "../document";
import type { NodeTypes } from "../node-type";
import { edgesOutOf, inputsInto, usesInputs } from "../ports";
import { renameInCel, renameInExpressions } from "./cel";
import { isNamedInPython, isNamedInShell, renameInPython, renameInShell } from "./code";
import { mayReadTable, renameTable } from "./sql";

/** How code of a language names inputs: as tables, `inputs["load"]`, `$INTERLOCK_INPUT_LOAD`. */
interface InputNaming {
  names(code: string, port: string): boolean;
  /** Null: the old name must stay. */
  rename(code: string, from: string, to: string): string | null;
}

const NAMING: ReadonlyMap<string, InputNaming> = new Map([
  ["sql", { names: mayReadTable, rename: renameTable }],
  ["python", { names: isNamedInPython, rename: renameInPython }],
  ["shell", { names: isNamedInShell, rename: renameInShell }],
]);

/** The code in which a node names its inputs; null: there is none. */
function namingCode(node: DocNode, types: NodeTypes): { field: string; code: string; naming: InputNaming } | null {
  const type = types.get(typeOf(node));
  const naming = type?.code && type.names_inputs ? NAMING.get(type.code.language) : undefined;
  if (!type?.code || !naming) return null;
  const { field } = type.code;
  const code = configOf(node)[field];
  return { field, code: typeof code === "string" ? code : "", naming };
}

/** Whether the node finds an input by this name; of code that is not seen here it may. */
export function readsInput(node: DocNode, port: string, types: NodeTypes): boolean {
  const own = namingCode(node, types);
  if (own) return own.naming.names(own.code, port);
  return types.get(typeOf(node))?.names_inputs !== false && usesInputs(node, types);
}

/** The node's config with an input by another name; null when the old name must stay. */
export function renameInput(node: DocNode, from: string, to: string, types: NodeTypes): JsonObject | null {
  const config = configOf(node);
  const own = namingCode(node, types);
  if (!own) return readsInput(node, from, types) ? null : config;
  const now = own.naming.rename(own.code, from, to);
  return now === null ? null : now === own.code ? config : { ...config, [own.field]: now };
}

/** The config with every `nodes.<id>` of its expressions by the new ids; the same object when none is named. */
export function renameOutputs(node: DocNode, ids: ReadonlyMap<string, string>, types: NodeTypes): JsonObject {
  const schema = types.get(typeOf(node))?.config;
  const config = configOf(node);
  return schema ? (renameInFields(schema, config, ids) as JsonObject) : config;
}

/** Fields whose schema allows expressions, as `places` of engine/expressions/templates.py finds them. */
function renameInFields(schema: Json | undefined, value: Json, ids: ReadonlyMap<string, string>): Json {
  if (!isObject(schema)) return value;
  const mark = schema["x-expression"];
  if (mark === "cel")
    return typeof value === "string"
      ? renameIds(value, ids, (said, from, to) =>
          said.includes("{{") ? renameInExpressions(said, from, to) : renameInCel(said, from, to),
        )
      : value;
  if (mark) return renameInTexts(value, ids);
  if (Array.isArray(value)) return mapList(value, (item) => renameInFields(schema["items"], item, ids));
  if (!isObject(value)) return value;
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  return mapObject(value, (item, key) => renameInFields(properties[key] ?? schema["additionalProperties"], item, ids));
}

function renameInTexts(value: Json, ids: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") return renameIds(value, ids, renameInExpressions);
  if (Array.isArray(value)) return mapList(value, (item) => renameInTexts(item, ids));
  return isObject(value) ? mapObject(value, (item) => renameInTexts(item, ids)) : value;
}

/** Replaces ids by placeholders first, so that two nodes can swap their ids. */
function renameIds(
  said: string,
  ids: ReadonlyMap<string, string>,
  rename: (said: string, from: string, to: string) => string,
): string {
  if (!said.includes("nodes")) return said;
  const named = [...ids].filter(([from]) => said.includes(from));
  if (named.length === 1 && named[0]) return rename(said, named[0][0], named[0][1]);
  let made = said;
  named.forEach(([from], at) => (made = rename(made, from, `${PLACEHOLDER}${at}`)));
  named.forEach(([, to], at) => (made = rename(made, `${PLACEHOLDER}${at}`, to)));
  return made;
}

/** Ids have no capital letters. */
const PLACEHOLDER = "Placeholder_";

function mapList(list: readonly Json[], change: (item: Json) => Json): Json[] {
  let touched = false;
  const made = list.map((item) => {
    const next = change(item);
    touched ||= next !== item;
    return next;
  });
  return touched ? made : (list as Json[]);
}

function mapObject(whole: JsonObject, change: (item: Json, key: string) => Json): JsonObject {
  let made: JsonObject | null = null;
  for (const [key, item] of Object.entries(whole)) {
    const next = change(item, key);
    if (next === item) continue;
    made ??= { ...whole };
    made[key] = next;
  }
  return made ?? whole;
}

/** The id of a node changes: this, and everything that names it, in the order in which it is to be applied. */
export function renameChanges(doc: Doc, types: NodeTypes, from: string, to: string): Change[] {
  const changes: Change[] = [];
  const configs = new Map<string, JsonObject>();
  for (const edge of edgesOutOf(doc, from)) {
    // An explicit name of the input stays.
    if (
      onlyOrders(edge) ||
      targetPort(edge) !== from ||
      (typeof edge["target_port"] === "string" && edge["target_port"])
    )
      continue;
    const target = nodeOf(doc, edge.target);
    if (!target) continue;
    const now = configs.get(target.id) ?? renameInput(target, from, to, types);
    if (now === null || isTaken(doc, edge.target, to, from))
      changes.push({ kind: "set_edge", edge: edgeKey(edge), field: "target_port", value: from });
    else configs.set(target.id, now);
  }
  const ids = new Map([[from, to]]);
  for (const node of doc.nodes) {
    const was = configs.get(node.id) ?? configOf(node);
    const now = renameOutputs({ ...node, config: was }, ids, types);
    if (now !== configOf(node)) changes.push(setConfig(node.id, now));
  }
  changes.push({ kind: "rename", node: from, id: to });
  return changes;
}

/** Returns whether another input of the target has the name. */
const isTaken = (doc: Doc, target: string, name: string, source: string): boolean =>
  inputsInto(doc, target).some((edge) => edge.source !== source && targetPort(edge) === name);

const CONFIG: Path = ["config"];
export const setConfig = (node: string, config: JsonObject): Change => ({
  kind: "set",
  node,
  path: CONFIG,
  value: config,
});
