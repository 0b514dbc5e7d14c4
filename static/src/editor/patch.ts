/** Applies the repair of a problem: a JSON Patch (RFC 6902) of add, replace and remove. Pure; the document given stays. */

import type { Json, JsonObject } from "../live/protocol";

export interface Change {
  readonly op: string;
  readonly path: string;
  readonly value?: Json;
}

export function readChanges(value: Json | undefined): Change[] | null {
  if (!Array.isArray(value) || !value.length) return null;
  const changes: Change[] = [];
  for (const entry of value) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return null;
    const { op, path } = entry;
    if (typeof op !== "string" || typeof path !== "string" || !["add", "replace", "remove"].includes(op)) return null;
    changes.push("value" in entry ? { op, path, value: entry["value"] ?? null } : { op, path });
  }
  return changes;
}

/** Null when a change does not fit the document. */
export function patch(document: Json, changes: readonly Change[]): Json | null {
  const whole: Json = structuredClone(document);
  for (const change of changes) {
    const parts = change.path.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = parts.pop();
    if (last === undefined) return null;
    let at: Json | undefined = whole;
    for (const part of parts) at = step(at, part);
    if (Array.isArray(at)) {
      const index = last === "-" ? at.length : Number(last);
      if (!Number.isInteger(index) || index < 0 || index > at.length || (change.op !== "add" && index >= at.length)) return null;
      if (change.op === "remove") at.splice(index, 1);
      else at.splice(index, change.op === "add" ? 0 : 1, change.value ?? null);
    } else if (typeof at === "object" && at !== null) {
      const target: JsonObject = at;
      if (change.op !== "add" && !Object.hasOwn(target, last)) return null;
      if (change.op === "remove") delete target[last];
      else Object.defineProperty(target, last, { value: change.value ?? null, writable: true, enumerable: true, configurable: true });
    } else return null;
  }
  return whole;
}

function step(at: Json | undefined, part: string): Json | undefined {
  if (Array.isArray(at)) return at[Number(part)];
  if (typeof at === "object" && at !== null && Object.hasOwn(at, part)) return at[part];
  return undefined;
}
