/** JSON Patch (RFC 6902): computes and applies patches. Pure.
 *
 * Only add, replace and remove are used; the server knows all operations. Parts that an operation does not touch stay the
 * same objects.
 */

import { isObject, type Json, type JsonObject } from "../json";

export interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: Json;
}

/** Reads a patch; null: it holds an operation other than add, replace and remove. */
export function readOperations(value: Json | undefined): Operation[] | null {
  if (!Array.isArray(value) || !value.length) return null;
  const operations: Operation[] = [];
  for (const entry of value) {
    if (!isObject(entry)) return null;
    const { op, path } = entry;
    if (typeof op !== "string" || typeof path !== "string" || !["add", "replace", "remove"].includes(op)) return null;
    operations.push("value" in entry ? { op, path, value: entry["value"] ?? null } : { op, path });
  }
  return operations;
}

/** Returns the document after all operations; null: one of them does not fit. */
export function applyPatch(document: Json, operations: readonly Operation[]): Json | null {
  let whole: Json | null = document;
  for (const operation of operations) {
    const parts = operation.path
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    whole = parts.length ? applyAt(whole, parts, operation) : null;
    if (whole === null) return null;
  }
  return whole;
}

function applyAt(at: Json | undefined, parts: readonly string[], operation: Operation): Json | null {
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
      const inner = applyAt(at[index], rest, operation);
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
    const inner = applyAt(at[part], rest, operation);
    if (inner === null) return null;
    next = inner;
  } else if (op === "remove") {
    delete copy[part];
    return copy;
  }
  // An assignment would treat the key "__proto__" differently.
  Object.defineProperty(copy, part, { value: next, writable: true, enumerable: true, configurable: true });
  return copy;
}

/** Returns a patch from one value to the other. Items of lists are matched by id or identity, so that adding or removing
 * a node is one operation. */
export function patchBetween(before: JsonObject, after: JsonObject): Operation[] {
  const operations: Operation[] = [];
  betweenObjects(before, after, "", operations);
  return operations;
}

const plain = (value: Json | undefined): value is JsonObject => isObject(value);
const escapeKey = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

function between(before: Json, after: Json, path: string, operations: Operation[]): void {
  if (before === after) return;
  if (plain(before) && plain(after)) betweenObjects(before, after, path, operations);
  else if (Array.isArray(before) && Array.isArray(after)) betweenLists(before, after, path, operations);
  else operations.push({ op: "replace", path, value: after });
}

function betweenObjects(before: JsonObject, after: JsonObject, path: string, operations: Operation[]): void {
  const has = (whole: JsonObject, key: string): boolean => Object.hasOwn(whole, key) && whole[key] !== undefined;
  for (const key of Object.keys(before))
    if (has(before, key) && !has(after, key)) operations.push({ op: "remove", path: `${path}/${escapeKey(key)}` });
  for (const key of Object.keys(after)) {
    if (!has(after, key)) continue;
    const value = after[key] as Json;
    if (has(before, key)) between(before[key] as Json, value, `${path}/${escapeKey(key)}`, operations);
    else operations.push({ op: "add", path: `${path}/${escapeKey(key)}`, value });
  }
}

/** Returns how many entries two lists share at their start, and how many of the others at their end. */
export function commonEnds(before: readonly unknown[], after: readonly unknown[]): [start: number, end: number] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end += 1;
  return [start, end];
}

function betweenLists(before: readonly Json[], after: readonly Json[], path: string, operations: Operation[]): void {
  const [start, end] = commonEnds(before, after);
  const were = before.slice(start, before.length - end);
  const are = after.slice(start, after.length - end);
  const at = (index: number): string => `${path}/${start + index}`;
  const keys = keysOf(were, are);
  if (were.length === are.length && (!keys || samePlaces(keys))) {
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
  const stay = new Set(longestRising(places));
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

/** The key of each item: its id, else the item itself. Null: two items of one list have the same key. */
function keysOf(were: readonly Json[], are: readonly Json[]): Keys | null {
  const keyOf = (value: Json): unknown => (plain(value) && typeof value["id"] === "string" ? value["id"] : value);
  const keys = { were: were.map(keyOf), are: are.map(keyOf) };
  return new Set(keys.were).size === were.length && new Set(keys.are).size === are.length ? keys : null;
}

/** Returns whether every item in both lists has the same index. */
function samePlaces(keys: Keys): boolean {
  const known = new Set(keys.are);
  return keys.were.every((key, index) => key === keys.are[index] || !known.has(key));
}

/** Returns the indices of the longest increasing subsequence of the places that are not negative. */
function longestRising(places: readonly number[]): number[] {
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
