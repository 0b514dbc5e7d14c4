/** Converts typed texts to values and back: seconds, whole numbers, texts that may be JSON, rows of a map. Pure. */

import { isObject, type Json, type JsonObject } from "../../json";

/** The result of reading a text: a value, or why it is none. */
export type Read<T> = { readonly value: T } | { readonly wrong: "number" | "whole" | "seconds" };

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86400 };
const SPAN = /^(\d+(?:[.,]\d+)?)\s*(ms|sec|s|min|m|h|d)?$/i;

/** Reads seconds from "90", "1.5", "5 m" or "1 h 30 m"; an empty text gives undefined. */
export function readSeconds(text: string): Read<number | undefined> {
  const given = text.trim();
  if (!given) return { value: undefined };
  const parts = given.match(/\d+(?:[.,]\d+)?\s*[a-z]*/gi);
  if (!parts || parts.join("").replaceAll(/\s/g, "") !== given.replaceAll(/\s/g, "")) return { wrong: "seconds" };
  let sum = 0;
  for (const part of parts) {
    const [, number = "", unit = ""] = SPAN.exec(part.trim()) ?? [];
    const factor = unit ? UNITS[unit.toLowerCase()] : parts.length === 1 ? 1 : undefined;
    if (!number || factor === undefined) return { wrong: "seconds" };
    sum += Number(number.replace(",", ".")) * factor;
  }
  return { value: Number(sum.toFixed(6)) };
}

export function readNumber(text: string, whole: boolean): Read<number | undefined> {
  const given = text.trim().replace(/^(-?\d+),(\d+)$/, "$1.$2");
  if (!given) return { value: undefined };
  const number = Number(given);
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(given) || !Number.isFinite(number))
    return { wrong: whole ? "whole" : "number" };
  if (whole && !Number.isInteger(number)) return { wrong: "whole" };
  return { value: number };
}

/** Reads a number, true, false, null or a list that is written as JSON; any other text is a text. */
export function readLoose(text: string): Json {
  const given = text.trim();
  if (!/^(?:[-\d[{"]|true$|false$|null$)/.test(given)) return text;
  try {
    return JSON.parse(given) as Json;
  } catch {
    return text;
  }
}

/** Returns the text that `readLoose` reads as `value`. */
export function looseText(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "string") return JSON.stringify(value);
  return readLoose(value) === value ? value : JSON.stringify(value);
}

export interface Row {
  readonly key: string;
  readonly text: string;
}

export function rowsOf(value: Json | undefined, texts: boolean): Row[] {
  if (!isObject(value)) return [];
  return Object.entries(value).map(([key, item]) => ({
    key,
    text: texts && typeof item === "string" ? item : looseText(item),
  }));
}

/** Converts rows to an object. Of rows with the same key the first counts; rows without a key are left out. */
export function objectOf(rows: readonly Row[], texts: boolean): JsonObject {
  const made: JsonObject = {};
  for (const { key, text } of rows) {
    const name = key.trim();
    if (!name || Object.hasOwn(made, name)) continue;
    // Also works for the key "__proto__".
    Object.defineProperty(made, name, {
      value: texts ? text : readLoose(text),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return made;
}

/** Returns the keys that several rows have. */
export function doubled(rows: readonly Row[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { key } of rows) {
    const name = key.trim();
    if (name && seen.has(name)) twice.add(name);
    seen.add(name);
  }
  return twice;
}

/** Returns how many fields of an object are set. */
export const setCount = (value: Json | undefined): number =>
  isObject(value) ? Object.keys(value).length : Array.isArray(value) ? value.length : 0;
