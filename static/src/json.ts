/** JSON values, and readers that trust nothing about their shape. Pure. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const asObject = (value: Json | undefined): JsonObject | null => (isObject(value) ? value : null);
export const asList = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
export const asNumber = (value: Json | undefined): number => (typeof value === "number" ? value : 0);
export const asNumberOrNull = (value: Json | undefined): number | null => (typeof value === "number" ? value : null);
export const asTextOrNull = (value: Json | undefined): string | null => (typeof value === "string" ? value : null);

/** A string as it is, a number or boolean as text, anything else as "". */
export const asText = (value: Json | undefined): string =>
  typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";

/** Parses an object; null: the text is something else. */
export function parseObject(text: string): JsonObject | null {
  try {
    return asObject(JSON.parse(text) as Json);
  } catch {
    return null;
  }
}

/** A text as the server stores it: NUL and unpaired surrogates become U+FFFD. */
const stored = (text: string): string =>
  text.replace(/\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");

/** Returns whether both values are the same once the server has stored them; fields that are undefined do not count. */
export function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a === "string" && typeof b === "string") return stored(a) === stored(b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, index) => isEqual(value, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const fields = (value: JsonObject): string[] => Object.keys(value).filter((key) => value[key] !== undefined);
  const keys = fields(a);
  return keys.length === fields(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}
