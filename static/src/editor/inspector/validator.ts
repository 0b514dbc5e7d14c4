/** Checks values against JSON Schemas by interpreting them, because the page's content security policy forbids validators
 * that generate code. Pure.
 */

import { asText, isObject, type Json, type JsonObject } from "../../json";
import { Validator } from "@cfworker/json-schema";
import type { Path } from "../../document/changes";

import { fill, gettext, ngettext } from "../../words/i18n";
import { labelOf, schemaAt, typesOf } from "./schema";

const made = new WeakMap<object, Validator>();

function validatorOf(schema: object): Validator {
  let found = made.get(schema);
  if (!found) {
    found = new Validator(schema, "2020-12", false);
    made.set(schema, found);
  }
  return found;
}

/** A fault that the browser finds before the server has checked the document. */
export interface Instant {
  readonly path: Path;
  readonly message: string;
}

const WORDS: Readonly<Record<string, () => string>> = {
  string: () => gettext("a text"),
  integer: () => gettext("a whole number"),
  number: () => gettext("a number"),
  boolean: () => gettext("true or false"),
  object: () => gettext("an object"),
  array: () => gettext("a list"),
  null: () => gettext("null"),
};

/** Names of the types of JSON Schema, as shown to users. */
export const nameOfType = (type: string): string => WORDS[type]?.() ?? type;

/** Keywords whose faults only repeat those of a deeper part. */
const OUTER: ReadonlySet<string> = new Set([
  "properties",
  "items",
  "additionalProperties",
  "allOf",
  "$ref",
  "prefixItems",
]);

/** Returns the faults of `value`, at most one per path: missing, of a wrong type, out of range, or not matching. */
export function instantFaults(schema: JsonObject, value: Json): Instant[] {
  let result;
  try {
    result = validatorOf(schema).validate(value);
  } catch {
    return [];
  }
  if (result.valid) return [];
  const found = new Map<string, Instant>();
  for (const { keyword, instanceLocation } of result.errors) {
    if (OUTER.has(keyword)) continue;
    const path = pathOf(instanceLocation, value);
    const at = valueAt(value, path);
    const part = schemaAt(schema, path);
    if (!part) continue;
    if (keyword === "required") {
      const needed = Array.isArray(part["required"]) ? part["required"] : [];
      for (const name of needed) {
        if (typeof name !== "string" || (isObject(at) && name in at)) continue;
        add(
          found,
          [...path, name],
          fill(gettext("{field} is required."), { field: labelOf(schemaAt(part, [name]) ?? {}, name) }),
        );
      }
      continue;
    }
    const message = sentence(keyword, part);
    if (message) add(found, path, fill(message, { field: labelOf(part, String(path.at(-1) ?? "")) }));
  }
  return [...found.values()];
}

function add(found: Map<string, Instant>, path: Path, message: string): void {
  const key = JSON.stringify(path);
  if (!found.has(key)) found.set(key, { path, message });
}

function sentence(keyword: string, schema: JsonObject): string {
  const limit = (name: string): number => (typeof schema[name] === "number" ? schema[name] : 0);
  switch (keyword) {
    case "type":
      return fill(gettext("{field} must be {kind}."), {
        kind: typesOf(schema).map(nameOfType).join(gettext(" or ")),
      });
    case "minLength":
      return limit("minLength") <= 1
        ? gettext("{field} must not be empty.")
        : fill(gettext("{field} must have at least {limit} characters."), { limit: limit("minLength") });
    case "maxLength":
      return fill(
        ngettext(
          "{field} must have at most {limit} character.",
          "{field} must have at most {limit} characters.",
          limit("maxLength"),
        ),
        { limit: limit("maxLength") },
      );
    case "minimum":
      return fill(gettext("{field} must be at least {limit}."), { limit: limit("minimum") });
    case "exclusiveMinimum":
      return fill(gettext("{field} must be above {limit}."), { limit: limit("exclusiveMinimum") });
    case "maximum":
      return fill(gettext("{field} must be at most {limit}."), { limit: limit("maximum") });
    case "exclusiveMaximum":
      return fill(gettext("{field} must be below {limit}."), { limit: limit("exclusiveMaximum") });
    case "pattern":
      return fill(gettext("{field} must match the pattern {pattern}."), { pattern: asText(schema["pattern"]) });
    case "enum":
    case "const":
      return gettext("{field} must be one of the listed values.");
    case "minItems":
      return fill(
        ngettext(
          "{field} must have at least {limit} entry.",
          "{field} must have at least {limit} entries.",
          limit("minItems"),
        ),
        { limit: limit("minItems") },
      );
    case "maxItems":
      return fill(
        ngettext(
          "{field} must have at most {limit} entry.",
          "{field} must have at most {limit} entries.",
          limit("maxItems"),
        ),
        { limit: limit("maxItems") },
      );
    default:
      return "";
  }
}

/** Converts "#/cases/0/when" to a path; digits are indexes where the value has a list. */
function pathOf(location: string, value: Json): Path {
  const path: (string | number)[] = [];
  let here: Json | undefined = value;
  for (const part of location.split("/").slice(1)) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    const step: string | number = Array.isArray(here) ? Number(name) : name;
    path.push(step);
    here = valueAt(here, [step]);
  }
  return path;
}

export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let here = value;
  for (const part of path) {
    if (Array.isArray(here)) here = typeof part === "number" ? here[part] : undefined;
    else if (isObject(here)) here = Object.hasOwn(here, part) ? here[part] : undefined;
    else return undefined;
  }
  return here;
}
