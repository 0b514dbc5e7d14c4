/** Rows that are new above what is being read wait until they are asked for: nothing moves under the eyes, or the
 * pointer, of who reads a list. What is in the list already stays current.
 */

import { element } from "../dom";
import { fill, ngettext } from "../words/i18n";

const rowsOf = (part: ParentNode): HTMLElement[] => [...part.querySelectorAll<HTMLElement>("tbody > [data-key]")];

/** Takes the rows out of `fresh` that stand above all that `part` shows, and says how many those are. */
export function holdBack(part: HTMLElement, fresh: HTMLElement): number {
  const known = new Set(rowsOf(part).map((row) => row.dataset["key"]));
  if (!known.size) return 0;
  const rows = rowsOf(fresh);
  const first = rows.findIndex((row) => known.has(row.dataset["key"]));
  const news = first < 0 ? rows : rows.slice(0, first);
  // Nothing of what is shown is left: that is another list, not a longer one.
  if (first < 0) return 0;
  for (const row of news) row.remove();
  return news.length;
}

/** The button over the head of the list, or none. */
export function offer(part: HTMLElement, count: number, show: () => void): void {
  const old = part.querySelector<HTMLButtonElement>(":scope > .newrows");
  if (!count) {
    // Its focus goes to the newest row, where reading goes on.
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
  // At the end, where morphing leaves it: matched by place, it would stand for what comes first.
  part.append(button);
}
