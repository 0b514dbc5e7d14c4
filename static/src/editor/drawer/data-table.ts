/** The table of the drawer's data: its head with a summary of each column, and its rows.
 *
 * Rows are added in pieces while the browser is idle, so that a wide table does not block the page.
 */

import { element } from "../../dom";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { type Payload, type ShownColumn, typeName } from "./preview";

/** Cells that are made in one piece. */
const CELLS = 1500;
const NAME_MAX = 80;

export function fillRows(body: HTMLElement, payload: Payload & { readonly kind: "table" }): void {
  const numbers = payload.columns.map((column) => column.number);
  const atOnce = Math.max(10, Math.floor(CELLS / Math.max(1, payload.shown)));
  const upto = (from: number): void => {
    const some = payload.rows
      .slice(from, from + atOnce)
      .map((row) => element("tr", "", ...row.map((cell, at) => cellOf(cell, numbers[at] ?? false))));
    body.append(...some);
    const next = from + some.length;
    if (next < payload.rows.length)
      later(() => {
        if (body.isConnected) upto(next);
      });
    else body.dataset["rows"] = String(next);
  };
  upto(0);
}

function cellOf(cell: string | null, isNumber: boolean): HTMLTableCellElement {
  const made = element("td", cell === null ? "null" : isNumber ? "num" : "", cell ?? "null");
  if (cell === null && isNumber) made.classList.add("num");
  if (cell !== null && cell.length > 40) made.title = cell;
  return made;
}

export function tableOf(
  columns: readonly ShownColumn[],
  counted: number,
): { table: HTMLTableElement; body: HTMLElement } {
  const heads = columns.map((column) => {
    const name = visible(column.name.length > NAME_MAX ? `${column.name.slice(0, NAME_MAX)}…` : column.name);
    const about = element("span", "ty", columnText(column));
    if (column.nulls) about.classList.add("holes");
    if (column.nulls !== null)
      about.title = fill(gettext("{n} of {all} rows are null"), { n: count(column.nulls), all: count(counted) });
    const head = element("th", column.number ? "num" : "", name, about);
    head.scope = "col";
    head.dataset["column"] = column.name;
    return head;
  });
  const body = element("tbody");
  const table = element("table", "", element("thead", "", element("tr", "", ...heads)), body);
  return { table, body };
}

/** Returns for example "text · 16 values" or "double · 0 null". */
function columnText(column: ShownColumn): string {
  const parts = [visible(typeName(column.type).slice(0, NAME_MAX))];
  if (column.distinct !== null)
    parts.push(fill(ngettext("{n} value", "{n} values", column.distinct), { n: count(column.distinct) }));
  if (column.nulls !== null && (column.nulls || column.distinct === null))
    parts.push(fill(gettext("{n} null"), { n: count(column.nulls) }));
  return parts.join(" · ");
}

/** Calls `run` when the browser is idle; Safari has no idle callbacks, so it calls it soon. */
function later(run: () => void): void {
  if (typeof window.requestIdleCallback === "function") window.requestIdleCallback(run, { timeout: 200 });
  else window.setTimeout(run, 16);
}
