/** Determines the plain schema of a value: follows references, merges parts and applies conditions. Pure. */

import { dereference, type Schema, validate } from "@cfworker/json-schema";
import { isObject, type Json, type JsonObject } from "../../json";
import { labelOf, objectsIn, typesOf } from "./schema";
import { nameOfType } from "./validator";

interface Composed {
  readonly schema: JsonObject;
  /** The addresses of all schemas that were followed to get here. */
  readonly followed: readonly string[];
}

const COMPOSING = ["$ref", "allOf", "if", "dependentSchemas", "dependentRequired", "dependencies"];

export const isComposed = (schema: JsonObject): boolean => COMPOSING.some((keyword) => keyword in schema);

const lookups = new WeakMap<JsonObject, ReturnType<typeof dereference>>();

/** All schemas of a document by address. */
function lookupOf(root: JsonObject): ReturnType<typeof dereference> {
  let found = lookups.get(root);
  if (!found) {
    found = dereference(root);
    lookups.set(root, found);
  }
  return found;
}

function fits(schema: JsonObject, value: Json, root: JsonObject): boolean {
  try {
    return validate(value, schema, "2020-12", lookupOf(root)).valid;
  } catch {
    // The schema is broken: a reference leads nowhere, or a pattern cannot be compiled.
    return false;
  }
}

/** The plain schema of `value`. Null: a reference leads nowhere, or back to a schema that was followed already. */
export function compose(
  schema: JsonObject,
  value: Json | undefined,
  root: JsonObject,
  followed: readonly string[],
): Composed | null {
  const plain = Object.fromEntries(
    Object.entries(schema).filter(([key]) => !COMPOSING.includes(key) && key !== "then" && key !== "else"),
  );
  let made = plain;
  let around = followed;
  if ("$ref" in schema) {
    const schemas = lookupOf(root);
    // Set on each schema while the lookup was made.
    const address = (schema as Schema).__absolute_ref__ ?? "";
    const target = schemas[address] as Json | undefined;
    if (followed.includes(address) || !isObject(target)) return null;
    around = [...followed, address];
    const inner = compose(target, value, root, around);
    if (!inner) return null;
    made = merged(inner.schema, plain);
    around = inner.followed;
  }
  const all = new Set(around);
  for (const part of applying(schema, value, root)) {
    const inner = compose(part, value, root, around);
    if (!inner) return null;
    made = merged(made, inner.schema);
    for (const address of inner.followed) all.add(address);
  }
  return { schema: made, followed: [...all] };
}

/** Returns the parts that apply in addition to the schema's own keywords. */
function applying(schema: JsonObject, value: Json | undefined, root: JsonObject): JsonObject[] {
  const parts = objectsIn(schema["allOf"]);
  if (isObject(schema["if"])) {
    const part = schema[fits(schema["if"], value ?? {}, root) ? "then" : "else"];
    if (isObject(part)) parts.push(part);
  }
  for (const keyword of ["dependentSchemas", "dependentRequired", "dependencies"])
    for (const [name, part] of Object.entries(isObject(schema[keyword]) ? schema[keyword] : {})) {
      if (!isObject(value) || value[name] === undefined) continue;
      if (Array.isArray(part)) parts.push({ required: part });
      else if (isObject(part)) parts.push(part);
    }
  return parts;
}

/** Merges two schemas; where they differ, `over` wins. */
function merged(base: JsonObject, over: JsonObject): JsonObject {
  const made: JsonObject = { ...base, ...over };
  const { properties: ours, required: needed } = base;
  const { properties: theirs, required: more } = over;
  if (Array.isArray(needed) && Array.isArray(more)) made["required"] = [...new Set([...needed, ...more])];
  if (isObject(ours) && isObject(theirs)) {
    const properties: JsonObject = { ...ours };
    for (const [name, part] of Object.entries(theirs)) {
      const own = ours[name];
      // Parts of one property are merged when the property is shown, because each may hold references.
      properties[name] = own === undefined || sameObject(own, part) ? part : { allOf: [own, part] };
    }
    made["properties"] = properties;
  }
  return made;
}

const sameObject = (one: Json, other: Json): boolean => one === other || !isObject(one) || !isObject(other);

/** The alternatives among which a value is one; empty: there are none. */
export const waysOf = (schema: JsonObject): JsonObject[] => objectsIn(schema["anyOf"] ?? schema["oneOf"]);

/** Returns the alternative that a value matches, else the one that has most of its keys. */
export function wayOf(ways: readonly JsonObject[], value: Json | undefined, root: JsonObject): number {
  if (value === undefined) return 0;
  const fitting = ways.findIndex((way) => fits(way, value, root));
  if (fitting >= 0) return fitting;
  const shared = ways.map((way) => keysOf(way, value, root).length);
  return Math.max(0, shared.indexOf(Math.max(...shared)));
}

/** Returns what remains of a value when another alternative is chosen: the keys that it has, too. */
export function carriedOver(way: JsonObject, value: Json | undefined, root: JsonObject): JsonObject | undefined {
  const keys = keysOf(way, value, root);
  return isObject(value) && keys.length ? Object.fromEntries(keys.map((key) => [key, value[key] ?? null])) : undefined;
}

function keysOf(way: JsonObject, value: Json | undefined, root: JsonObject): string[] {
  const properties = compose(way, value, root, [])?.schema["properties"];
  return isObject(value) && isObject(properties) ? Object.keys(value).filter((key) => key in properties) : [];
}

/** Returns the label of an alternative: its title, else its type. */
export function nameOfWay(way: JsonObject, at: number, root: JsonObject): string {
  const schema = compose(way, undefined, root, [])?.schema ?? way;
  const [type] = typesOf(schema);
  return labelOf(schema, type ? nameOfType(type) : String(at + 1));
}
