/** JSON Patch (RFC 6902): what leads from one document to another, and its application. Pure.
 *
 * Of the operations add, replace and remove are used; the server knows all. What an operation does not touch stays the
 * same object.
 */

import type { Json, JsonObject } from "../live/protocol";

export interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: Json;
}

/** Reads operations that came from elsewhere; null when one is not known. */
export function readOperations(value: Json | undefined): Operation[] | null {
  if (!Array.isArray(value) || !value.length) return null;
  const operations: Operation[] = [];
  for (const entry of value) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return null;
    const { op, path } = entry;
    if (typeof op !== "string" || typeof path !== "string" || !["add", "replace", "remove"].includes(op)) return null;
    operations.push("value" in entry ? { op, path, value: entry["value"] ?? null } : { op, path });
  }
  return operations;
}

/** The document after all operations; null when one does not fit. */
export function applyPatch(document: Json, operations: readonly Operation[]): Json | null {
  let whole: Json | null = document;
  for (const operation of operations) {
    const parts = operation.path
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    whole = parts.length ? applied(whole, parts, operation) : null;
    if (whole === null) return null;
  }
  return whole;
}

function applied(at: Json | undefined, parts: readonly string[], operation: Operation): Json | null {
  const [part = "", ...rest] = parts;
  const { op, value = null } = operation;
  if (Array.isArray(at)) {
    const index = part === "-" && !rest.length ? at.length : Number(part);
    if (
      !Number.isInteger(index) ||
      index < 0 ||
      index > at.length ||
      ((rest.length || op !== "add") && index >= at.length)
    )
      return null;
    const copy = at.slice();
    if (rest.length) {
      const inner = applied(at[index], rest, operation);
      if (inner === null) return null;
      copy[index] = inner;
    } else if (op === "remove") copy.splice(index, 1);
    else copy.splice(index, op === "add" ? 0 : 1, value);
    return copy;
  }
  if (typeof at !== "object" || at === null) return null;
  const known = Object.hasOwn(at, part);
  if (!known && (rest.length || op !== "add")) return null;
  const copy: JsonObject = { ...at };
  let next: Json = value;
  if (rest.length) {
    const inner = applied(at[part], rest, operation);
    if (inner === null) return null;
    next = inner;
  } else if (op === "remove") {
    delete copy[part];
    return copy;
  }
  // "__proto__" is a key like any other.
  Object.defineProperty(copy, part, { value: next, writable: true, enumerable: true, configurable: true });
  return copy;
}

/** What leads from one value to the other, of parts that are not the same object. Elements of lists are known by their
 * id, or by being the same object, so that a node that was put in or taken out is one operation. */
export function patchBetween(before: JsonObject, after: JsonObject): Operation[] {
  const operations: Operation[] = [];
  betweenObjects(before, after, "", operations);
  return operations;
}

const plain = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

function between(before: Json, after: Json, path: string, operations: Operation[]): void {
  if (before === after) return;
  if (plain(before) && plain(after)) betweenObjects(before, after, path, operations);
  else if (Array.isArray(before) && Array.isArray(after)) betweenLists(before, after, path, operations);
  else operations.push({ op: "replace", path, value: after });
}

function betweenObjects(before: JsonObject, after: JsonObject, path: string, operations: Operation[]): void {
  const has = (whole: JsonObject, key: string): boolean => Object.hasOwn(whole, key) && whole[key] !== undefined;
  for (const key of Object.keys(before))
    if (has(before, key) && !has(after, key)) operations.push({ op: "remove", path: `${path}/${escaped(key)}` });
  for (const key of Object.keys(after)) {
    if (!has(after, key)) continue;
    const value = after[key] as Json;
    if (has(before, key)) between(before[key] as Json, value, `${path}/${escaped(key)}`, operations);
    else operations.push({ op: "add", path: `${path}/${escaped(key)}`, value });
  }
}

function betweenLists(before: readonly Json[], after: readonly Json[], path: string, operations: Operation[]): void {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end += 1;
  const were = before.slice(start, before.length - end);
  const are = after.slice(start, after.length - end);
  const at = (index: number): string => `${path}/${start + index}`;
  const keys = keysOf(were, are);
  if (were.length === are.length && (!keys || inPlace(keys))) {
    are.forEach((value, index) => between(were[index] as Json, value, at(index), operations));
    return;
  }
  if (!keys) {
    were.forEach((_, index) => operations.push({ op: "remove", path: at(were.length - 1 - index) }));
    are.forEach((value, index) => operations.push({ op: "add", path: at(index), value }));
    return;
  }
  const placeIn = new Map(keys.are.map((key, index) => [key, index]));
  const places = keys.were.map((key) => placeIn.get(key) ?? -1);
  const stay = new Set(rising(places));
  for (let index = were.length - 1; index >= 0; index -= 1)
    if (!stay.has(index)) operations.push({ op: "remove", path: at(index) });
  const from = new Map([...stay].map((index) => [places[index], were[index] as Json]));
  are.forEach((value, index) => {
    if (!from.has(index)) operations.push({ op: "add", path: at(index), value });
  });
  are.forEach((value, index) => {
    const was = from.get(index);
    if (was !== undefined) between(was, value, at(index), operations);
  });
}

interface Keys {
  readonly were: readonly unknown[];
  readonly are: readonly unknown[];
}

/** What each element is known by: its id, else the object itself. Null: two of one list would be known by the same. */
function keysOf(were: readonly Json[], are: readonly Json[]): Keys | null {
  const keyOf = (value: Json): unknown => (plain(value) && typeof value["id"] === "string" ? value["id"] : value);
  const keys = { were: were.map(keyOf), are: are.map(keyOf) };
  return new Set(keys.were).size === were.length && new Set(keys.are).size === are.length ? keys : null;
}

/** Whether nothing that is in both lists stands elsewhere. */
function inPlace(keys: Keys): boolean {
  const known = new Set(keys.are);
  return keys.were.every((key, index) => key === keys.are[index] || !known.has(key));
}

/** Indices of the longest rising series among places that are not negative. */
function rising(places: readonly number[]): number[] {
  const ends: number[] = [];
  const before = new Int32Array(places.length).fill(-1);
  places.forEach((place, index) => {
    if (place < 0) return;
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((places[ends[middle] ?? 0] ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    before[index] = low > 0 ? (ends[low - 1] ?? -1) : -1;
    ends[low] = index;
  });
  const series: number[] = [];
  for (let index = ends.at(-1) ?? -1; index >= 0; index = before[index] ?? -1) series.push(index);
  return series.reverse();
}
