/** Guards the user's focus: programs leave it and the selection alone while the user types, and keys do nothing for a second
 * after a program moved one of them. When an edit removes the field or button that had the focus, the graph gets it.
 */

import { isTyping, one } from "../dom";
import type { Editing, Keyboard } from "./parts";

/** Longer than the pause between two keys, and than it takes to see that the focus is elsewhere. */
const REST_MS = 1000;

/** `now`: milliseconds of a clock that never goes back. */
export function keepFocus(
  root: HTMLElement,
  { canvas, store }: Pick<Editing, "canvas" | "store">,
  now = (): number => performance.now(),
): Keyboard {
  let last: Element | null = null;
  let frame = 0;
  let pressedAt = -Infinity;
  let movedAt = -Infinity;
  let movedTo: Element | null = null;
  const isLost = (): boolean =>
    last !== null && !last.isConnected && (document.activeElement === document.body || document.activeElement === null);
  const moved = (): void => {
    movedAt = now();
    movedTo = document.activeElement;
  };
  document.addEventListener("focusin", (event) => {
    last =
      event.target instanceof Element && (root.contains(event.target) || event.target.closest("[data-toasts]"))
        ? event.target
        : null;
  });
  document.addEventListener(
    "keydown",
    (event) => {
      // Enter and Ctrl with a key end typing rather than continue it.
      if (!event.ctrlKey && !event.metaKey && event.key !== "Enter") pressedAt = now();
    },
    { capture: true },
  );
  document.addEventListener("pointerdown", () => (movedAt = -Infinity), { capture: true });
  store.listen((update) => {
    if ((!update.doc && !update.selection) || frame) return;
    // After all parts have drawn the update.
    frame = requestAnimationFrame(() => {
      frame = 0;
      if (!isLost() || one("dialog[open], [popover]:popover-open")) return;
      canvas.focus();
      moved();
    });
  });
  return {
    get inUse() {
      return isTyping(document.activeElement) || now() - pressedAt < REST_MS;
    },
    get rests() {
      return (frame !== 0 && isLost()) || (now() - movedAt < REST_MS && document.activeElement === movedTo);
    },
    moved,
  };
}
