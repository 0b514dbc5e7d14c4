/** The keyboard stays in the page: when an edit takes away the field or button that had it, the graph gets it. */

import { one } from "../dom";
import type { Editing } from "./parts";

export function keepFocus(root: HTMLElement, { canvas, store }: Editing): void {
  let last: Element | null = null;
  let frame = 0;
  document.addEventListener("focusin", (event) => {
    last =
      event.target instanceof Element && (root.contains(event.target) || event.target.closest("[data-toasts]"))
        ? event.target
        : null;
  });
  store.listen((update) => {
    if ((!update.doc && !update.selection) || frame) return;
    // After the parts have drawn what they were told of.
    frame = requestAnimationFrame(() => {
      frame = 0;
      const lost =
        last !== null &&
        !last.isConnected &&
        (document.activeElement === document.body || document.activeElement === null);
      if (lost && !one("dialog[open], [popover]:popover-open")) canvas.focus();
    });
  });
}
