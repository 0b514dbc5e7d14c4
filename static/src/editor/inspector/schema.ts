/** Reads a form from a JSON Schema: the control of a value, the field that shows a problem, and the shortest way to write
 * a value. Pure.
 */

import { isObject, type Json, type JsonObject, isEqual } from "../../json";

import type { Path } from "../../document/changes";

export type Language = "sql" | "python" | "shell" | "expression";

/** The control that edits a value. */
type Control =
  | { readonly kind: "code"; readonly language: Language; readonly loose: boolean }
  | { readonly kind: "path" }
  | { readonly kind: "choice"; readonly options: readonly Option[] }
  | { readonly kind: "switch" }
  /** True, false or unset. */
  | { readonly kind: "maybe" }
  | { readonly kind: "text"; readonly long: boolean }
  | { readonly kind: "number"; readonly whole: boolean }
  /** A text that may also be a number, true or false. */
  | { readonly kind: "scalar" }
  /** A list of texts; `single`: a single text may be written without a list. */
  | { readonly kind: "texts"; readonly single: boolean; readonly numbers: boolean }
  | { readonly kind: "several"; readonly options: readonly Option[] }
  /** A map with free keys; `texts`: all values are texts. */
  | { readonly kind: "map"; readonly texts: boolean }
  | { readonly kind: "group" }
  | { readonly kind: "items" }
  /** The form shows its alternatives. */
  | { readonly kind: "other" }
  | { readonly kind: "json" };

export interface Option {
  readonly value: Json;
  readonly label: string;
}

const LANGUAGES: ReadonlySet<string> = new Set(["sql", "python", "shell", "expression"]);
/** Texts that may be longer get several lines. */
const LONG = 2000;

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");
export const objectsIn = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

export function typesOf(schema: JsonObject): readonly string[] {
  const type = schema["type"];
  if (typeof type === "string") return [type];
  return Array.isArray(type) ? type.filter((one): one is string => typeof one === "string") : [];
}

export const labelOf = (schema: JsonObject, name: string): string =>
  textOf(schema["title"]) || name.replaceAll("_", " ");

function optionsOf(schema: JsonObject): Option[] | null {
  const names = Array.isArray(schema["enumNames"]) ? schema["enumNames"] : [];
  if (Array.isArray(schema["enum"]))
    return schema["enum"].map((value, at) => ({ value, label: textOf(names[at]) || valueText(value) }));
  if ("const" in schema) return [{ value: schema["const"] ?? null, label: valueText(schema["const"] ?? null) }];
  const single = objectsIn(schema["oneOf"]);
  if (single.length && single.every((one) => "const" in one))
    return single.map((one) => ({
      value: one["const"] ?? null,
      label: textOf(one["title"]) || valueText(one["const"] ?? null),
    }));
  return null;
}

const valueText = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

export function controlOf(schema: JsonObject): Control {
  const editor = textOf(schema["x-editor"]);
  const types = typesOf(schema).filter((type) => type !== "null");
  if (LANGUAGES.has(editor)) return { kind: "code", language: editor as Language, loose: types.length > 1 };
  if (editor === "path") return { kind: "path" };
  const options = optionsOf(schema);
  if (options) return { kind: "choice", options };
  if ("$ref" in schema || "allOf" in schema || "if" in schema) return { kind: "other" };
  const ways = objectsIn(schema["anyOf"] ?? schema["oneOf"]);
  if (ways.length) return single(ways);
  if (types.length > 1)
    return types.includes("object") || types.includes("array") ? { kind: "json" } : { kind: "scalar" };
  switch (types[0]) {
    case "boolean":
      return typeof schema["default"] === "boolean" ? { kind: "switch" } : { kind: "maybe" };
    case "integer":
    case "number":
      return { kind: "number", whole: types[0] === "integer" };
    case "string":
      return { kind: "text", long: typeof schema["maxLength"] === "number" && schema["maxLength"] > LONG };
    case "array":
      return listControl(schema);
    case "object":
      return objectControl(schema);
    default:
      return isObject(schema["properties"]) ? { kind: "group" } : { kind: "json" };
  }
}

/** Recognises a text or a list of texts; the form shows other unions as alternatives. */
function single(ways: readonly JsonObject[]): Control {
  const lists = ways.filter((way) => typesOf(way)[0] === "array");
  const [list] = lists;
  const others = ways.filter((way) => typesOf(way)[0] !== "array");
  if (ways.length === 2 && list && lists.length === 1 && typesOf(others[0] ?? {})[0] === "string") {
    const control = listControl(list);
    if (control.kind === "texts" && !control.numbers) return { kind: "texts", single: true, numbers: false };
  }
  const types = ways.map((way) => typesOf(way));
  if (
    ways.every((way) => !("properties" in way)) &&
    types.every((own) => own.length === 1 && ["string", "number", "integer", "boolean", "null"].includes(own[0] ?? ""))
  )
    return { kind: "scalar" };
  return { kind: "other" };
}

function listControl(schema: JsonObject): Control {
  const items = isObject(schema["items"]) ? schema["items"] : {};
  const control = controlOf(items);
  if (control.kind === "choice") return { kind: "several", options: control.options };
  if (control.kind === "text" || control.kind === "path") return { kind: "texts", single: false, numbers: false };
  if (control.kind === "number") return { kind: "texts", single: false, numbers: true };
  return control.kind === "json" ? { kind: "json" } : { kind: "items" };
}

function objectControl(schema: JsonObject): Control {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  if (Object.keys(properties).length) return { kind: "group" };
  const more = schema["additionalProperties"];
  if (more === false) return { kind: "group" };
  if (!isObject(more)) return { kind: "map", texts: false };
  const types = typesOf(more);
  if (types.includes("object") || types.includes("array") || "$ref" in more || "anyOf" in more)
    return { kind: "map", texts: false };
  return { kind: "map", texts: types.length === 1 && types[0] === "string" };
}

/** Returns whether the form itself shows the parts of such a value. */
const opens = (control: Control): boolean => control.kind === "group" || control.kind === "items";

/** Returns the part of a schema at a path; null: it has no simple one. */
export function schemaAt(schema: JsonObject, path: Path): JsonObject | null {
  let here: JsonObject = schema;
  for (const part of path) {
    const next =
      typeof part === "number" ? here["items"] : isObject(here["properties"]) ? here["properties"][part] : undefined;
    if (!isObject(next)) return null;
    here = next;
  }
  return here;
}

/** Returns the path of the control that shows the problems of `path`: the deepest control on the way to it. */
export function placeOf(schema: JsonObject, path: Path): Path {
  let here: JsonObject = schema;
  const place: (string | number)[] = [];
  for (const part of path) {
    if (place.length && !opens(controlOf(here))) break;
    const next =
      typeof part === "number" ? here["items"] : isObject(here["properties"]) ? here["properties"][part] : undefined;
    if (!isObject(next)) break;
    place.push(part);
    here = next;
  }
  return place;
}

const isNothing = (value: Json | undefined): boolean =>
  value === undefined ||
  value === "" ||
  (Array.isArray(value) ? !value.length : isObject(value) && !Object.keys(value).length);

/** Returns the value to write: undefined where leaving the field out means the same. While the user types, a text that
 * equals the default is written. */
export function cleaned(
  schema: JsonObject,
  required: boolean,
  value: Json | undefined,
  typing: boolean,
): Json | undefined {
  if (required) return value;
  if (isNothing(value)) return undefined;
  if (!typing && "default" in schema && isEqual(value, schema["default"])) return undefined;
  return value;
}

/** Returns the initial value of a new list entry. */
export function startOf(schema: JsonObject): Json {
  if ("default" in schema) return schema["default"] ?? null;
  const control = controlOf(schema);
  switch (control.kind) {
    case "choice":
      return control.options[0]?.value ?? "";
    case "group": {
      const made: JsonObject = {};
      const needed = Array.isArray(schema["required"]) ? schema["required"] : [];
      for (const [name, part] of Object.entries(isObject(schema["properties"]) ? schema["properties"] : {}))
        if (isObject(part) && needed.includes(name)) made[name] = startOf(part);
      return made;
    }
    case "items":
    case "texts":
    case "several":
      return [];
    case "map":
      return {};
    case "number":
      return typeof schema["minimum"] === "number" ? schema["minimum"] : 0;
    case "switch":
    case "maybe":
      return false;
    default:
      return "";
  }
}
