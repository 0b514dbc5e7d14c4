/** Converts the schema of a run's inputs to rows of the editor, and back. Pure. */

import { isObject, type Json, type JsonObject } from "../../json";
import type { NodeType } from "../../document/node-type";
import type { Change, Path } from "../../document/changes";
import { configOf, type Doc, typeOf } from "../../document/document";

export type InputKind =
  "string" | "text" | "integer" | "number" | "boolean" | "date" | "date-time" | "strings" | "other";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SAYABLE: ReadonlySet<string> = new Set([
  "type",
  "title",
  "description",
  "default",
  "enum",
  "minimum",
  "maximum",
  "format",
  "items",
]);

/** Returns the kind of row of a property; "other": it can be edited as JSON only. */
export function kindOf(property: Json | undefined): InputKind {
  if (!isObject(property) || Object.keys(property).some((key) => !SAYABLE.has(key))) return "other";
  const { type, format } = property;
  if (type === "string")
    return format === undefined ? "string" : format === "date" || format === "date-time" ? format : "other";
  if (format !== undefined) return "other";
  if (type === "array")
    return isObject(property["items"]) && JSON.stringify(property["items"]) === '{"type":"string"}'
      ? "strings"
      : "other";
  if ("items" in property) return "other";
  return type === "integer" || type === "number" || type === "boolean" ? type : "other";
}

/** Converts a property to another kind; keywords without a meaning there are removed. */
export function turned(property: JsonObject, kind: InputKind): JsonObject {
  const { title, description, minimum, maximum } = property;
  const texts: JsonObject = {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
  };
  switch (kind) {
    case "integer":
    case "number":
      return {
        type: kind,
        ...texts,
        ...(minimum === undefined ? {} : { minimum }),
        ...(maximum === undefined ? {} : { maximum }),
      };
    case "date":
    case "date-time":
      return { type: "string", format: kind, ...texts };
    case "strings":
      return { type: "array", items: { type: "string" }, ...texts };
    case "boolean":
      return { type: "boolean", ...texts };
    default:
      return { type: "string", ...texts };
  }
}

export const propertiesOf = (inputs: Json | undefined): JsonObject =>
  isObject(inputs) && isObject(inputs["properties"]) ? inputs["properties"] : {};
export const requiredOf = (inputs: Json | undefined): string[] =>
  isObject(inputs) && Array.isArray(inputs["required"])
    ? inputs["required"].filter((one): one is string => typeof one === "string")
    : [];

/** Returns whether the schema contains more than its rows show. */
export const saysMore = (inputs: Json | undefined): boolean =>
  isObject(inputs) &&
  Object.keys(inputs).some(
    (key) => !["type", "properties", "required", "title", "description", "additionalProperties"].includes(key),
  );

function withParts(
  inputs: Json | undefined,
  properties: JsonObject,
  required: readonly string[],
): JsonObject | undefined {
  const { properties: _properties, required: _required, ...rest } = isObject(inputs) ? inputs : {};
  const more = Object.keys(rest).filter((key) => key !== "type");
  if (!Object.keys(properties).length && !more.length) return undefined;
  return { ...rest, type: "object", properties, ...(required.length ? { required: [...required] } : {}) };
}

export function added(inputs: Json | undefined): { schema: JsonObject; name: string } {
  const properties = propertiesOf(inputs);
  let name = "input";
  for (let n = 2; name in properties; n += 1) name = `input_${n}`;
  return { schema: withParts(inputs, { ...properties, [name]: { type: "string" } }, requiredOf(inputs)) ?? {}, name };
}

export function without(inputs: Json | undefined, name: string): JsonObject | undefined {
  const { [name]: _gone, ...properties } = propertiesOf(inputs);
  return withParts(
    inputs,
    properties,
    requiredOf(inputs).filter((one) => one !== name),
  );
}

export function withRequired(inputs: Json | undefined, name: string, on: boolean): JsonObject | undefined {
  const others = requiredOf(inputs).filter((one) => one !== name);
  return withParts(inputs, propertiesOf(inputs), on ? [...others, name] : others);
}

/** Returns why an input cannot have this name. */
export function nameFault(inputs: Json | undefined, name: string): "empty" | "taken" | "form" | null {
  if (!name) return "empty";
  if (name in propertiesOf(inputs)) return "taken";
  return NAME.test(name) ? null : "form";
}

/** Renames an input, and updates the expressions that read it. */
export function renamedInput(doc: Doc, types: ReadonlyMap<string, NodeType>, from: string, to: string): Change[] {
  const inputs = doc["inputs"] as Json | undefined;
  const properties = Object.fromEntries(
    Object.entries(propertiesOf(inputs)).map(([name, property]) => [name === from ? to : name, property]),
  );
  const required = requiredOf(inputs).map((name) => (name === from ? to : name));
  const changes: Change[] = [{ kind: "workflow", path: ["inputs"], value: withParts(inputs, properties, required) }];
  for (const node of doc.nodes) {
    const schema = types.get(typeOf(node))?.config;
    if (!schema) continue;
    for (const { path, value } of expressions(schema, configOf(node), ["config"], false)) {
      const next = value.replace(/\{\{[^]*?\}\}/g, (whole) =>
        whole
          .replace(new RegExp(`\\binputs\\.${from}\\b`, "g"), `inputs.${to}`)
          .replace(new RegExp(`\\binputs\\[(["'])${from}\\1\\]`, "g"), `inputs[$1${to}$1]`),
      );
      if (next !== value) changes.push({ kind: "set", node: node.id, path, value: next });
    }
  }
  return changes;
}

/** The texts that may contain expressions. */
function* expressions(
  schema: JsonObject,
  value: Json,
  path: Path,
  inside: boolean,
): Generator<{ path: Path; value: string }> {
  const here = inside || "x-expression" in schema;
  if (typeof value === "string") {
    if (here && value.includes("{{")) yield { path, value };
  } else if (Array.isArray(value)) {
    const items = isObject(schema["items"]) ? schema["items"] : {};
    for (const [at, item] of value.entries()) yield* expressions(items, item, [...path, at], here);
  } else if (isObject(value)) {
    const properties = isObject(schema["properties"]) ? schema["properties"] : {};
    for (const [name, item] of Object.entries(value))
      yield* expressions(isObject(properties[name]) ? properties[name] : {}, item, [...path, name], here);
  }
}
