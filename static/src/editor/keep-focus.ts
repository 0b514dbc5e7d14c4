/** Moves the focus to the graph when an edit removes the field or button that had it. */

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
    // After all parts have drawn the update.
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
