/** Holds back new rows at the top of a list until the reader asks for them, so that rows do not move while they are read
 * or clicked. Rows that are shown already stay current.
 */

import { element } from "../dom";
import { fill, ngettext } from "../words/i18n";

const rowsOf = (part: ParentNode): HTMLElement[] => [...part.querySelectorAll<HTMLElement>("tbody > [data-key]")];

/** Removes the rows from `fresh` that are above all rows of `part`; returns their number. */
export function removeNewRows(part: HTMLElement, fresh: HTMLElement): number {
  const known = new Set(rowsOf(part).map((row) => row.dataset["key"]));
  if (!known.size) return 0;
  const rows = rowsOf(fresh);
  const first = rows.findIndex((row) => known.has(row.dataset["key"]));
  // No row is in both: this is another list, not a longer one.
  if (first < 0) return 0;
  for (const row of rows.slice(0, first)) row.remove();
  return first;
}

/** Shows a button with the number of held-back rows over the list; removes it when there are none. */
export function showNewRowsButton(part: HTMLElement, count: number, show: () => void): void {
  const old = part.querySelector<HTMLButtonElement>(":scope > .newrows");
  if (!count) {
    // Move the focus from the button to the newest row.
    const focused = old === document.activeElement;
    old?.remove();
    if (focused) part.querySelector<HTMLElement>("tbody a")?.focus();
    return;
  }
  const text = fill(ngettext("Show {n} new", "Show {n} new", count), { n: count });
  if (old) {
    old.textContent = text;
    return;
  }
  const button = element("button", "btn small newrows", text);
  button.type = "button";
  button.dataset["keep"] = "";
  button.addEventListener("click", show);
  // At the end, where morphing leaves it; at the start it would be matched with the list's first element.
  part.append(button);
}
