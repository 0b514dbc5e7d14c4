/** The old and the new value of changed fields: texts as a difference by lines, other values side by side. */

import { asText, type Json } from "../../json";
import type { NodeType } from "../../document/node-type";
import { element } from "../../dom";
import type { DocumentChange } from "../../document/diff";
import { valueAt } from "../../document/diff";
import { diffLines } from "../../document/line-diff";

import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { fieldName } from "./field-names";

const SHORT_MAX = 60;
const LINES_MAX = 400;
const SIGNS = { both: " ", new: "+", old: "−", gap: "⋯" } as const;

/** Null: the sentence already contains everything. */
export function detailOf(change: DocumentChange, types: ReadonlyMap<string, NodeType>): HTMLElement | null {
  if (change.kind === "changed") {
    const type = types.get(asText(change.node["type"]));
    return element(
      "div",
      "changedetail",
      ...change.fields.map((path) =>
        field(fieldName(path, type), valueAt(change.was as Json, path), valueAt(change.node as Json, path)),
      ),
    );
  }
  if (change.kind === "workflow") return element("div", "changedetail", field("", change.was, change.now));
  return null;
}

function field(name: string, was: Json | undefined, now: Json | undefined): HTMLElement {
  if (isText(was) || isText(now)) {
    const made = element("div", "", ...(name ? [element("div", "meta", name)] : []));
    const block = element("pre", "linediff");
    block.tabIndex = 0;
    const lines = diffLines(shown(was), shown(now));
    for (const { kind, text } of lines.slice(0, LINES_MAX))
      block.append(element("span", kind, `${SIGNS[kind]} ${visible(text)}\n`));
    if (lines.length > LINES_MAX) block.append(element("span", "gap", SIGNS.gap));
    made.append(block);
    return made;
  }
  const words = fill(gettext("{was} → {now}"), { was: brief(was), now: brief(now) });
  return element("div", "", ...(name ? [element("span", "meta", `${name}: `)] : []), element("span", "mono", words));
}

const isText = (value: Json | undefined): boolean =>
  (typeof value === "string" && (value.includes("\n") || value.length > SHORT_MAX)) ||
  (typeof value === "object" && value !== null && JSON.stringify(value).length > SHORT_MAX);

const shown = (value: Json | undefined): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);

const brief = (value: Json | undefined): string =>
  value === undefined || value === null || value === ""
    ? gettext("not set")
    : visible(typeof value === "string" ? value : JSON.stringify(value));
