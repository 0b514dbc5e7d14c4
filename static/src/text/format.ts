/** Formats a definition for reading: known fields in a fixed order, short values on one line. Pure.
 *
 * dashboard/definition_text.py writes the same text (see document_text there and format.json beside this).
 */

import type { Json, JsonObject } from "../json";

const WIDTH = 100;
const ORDER: readonly string[] = [
  "schema",
  "inputs",
  "nodes",
  "edges",
  "settings",
  "id",
  "type",
  "name",
  "notes",
  "config",
  "policy",
  "position",
  "source",
  "source_port",
  "target",
  "target_port",
  "order",
];

export function format(value: Json): string {
  return write(value, 0);
}

function write(value: Json, indent: number): string {
  const short = inline(value);
  const opens = typeof value === "object" && value !== null;
  if (!opens || (indent > 0 && short.length <= WIDTH - indent && depth(value) <= 2)) return short;
  const inner = " ".repeat(indent + 2);
  if (Array.isArray(value)) {
    if (!value.length) return "[]";
    return `[\n${value.map((one) => inner + write(one, indent + 2)).join(",\n")}\n${" ".repeat(indent)}]`;
  }
  const entries = ordered(value);
  if (!entries.length) return "{}";
  return `{\n${entries.map(([key, one]) => `${inner}${JSON.stringify(key)}: ${write(one, indent + 2)}`).join(",\n")}\n${" ".repeat(indent)}}`;
}

function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = ordered(value);
    return entries.length
      ? `{ ${entries.map(([key, one]) => `${JSON.stringify(key)}: ${inline(one)}`).join(", ")} }`
      : "{}";
  }
  return JSON.stringify(value);
}

function ordered(value: JsonObject): [string, Json][] {
  const place = (key: string): number => {
    const at = ORDER.indexOf(key);
    return at < 0 ? ORDER.length : at;
  };
  return Object.entries(value)
    .map((entry, at) => ({ entry, at }))
    .sort((a, b) => place(a.entry[0]) - place(b.entry[0]) || a.at - b.at)
    .map(({ entry }) => entry);
}

function depth(value: Json): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((one: Json) => depth(one)));
}
