/** Panning and zooming by pointer, wheel and touch. In the narrow layout, vertical swipes and the wheel scroll the page. */

import type { Viewport } from "./viewport";

/** A press that moves less than this is a click. */
const CLICK_PIXELS = 4;
const LINE_PIXELS = 16;

/** Handles a drag from its first movement on, in place of panning. */
export interface DragHandler {
  /** The pointer moved; called for the first movement, too. */
  move(event: PointerEvent): void;
  /** The drag ended. `done`: the button was released; false: the drag was cancelled. */
  end(done: boolean): void;
}

export interface Gestures {
  /** Returns whether the press before this click was a drag. */
  wasDragged(): boolean;
  /** Cancels the present drag. */
  cancel(): void;
  stop(): void;
}

/** `claim`: returns the handler for a drag that starts with this event; null: it pans the view. */
export function listenToGestures(
  stage: HTMLElement,
  view: Viewport,
  narrow: () => boolean,
  claim: (event: PointerEvent) => DragHandler | null = () => null,
): Gestures {
  const pointers = new Map<number, { x: number; y: number }>();
  let start = { x: 0, y: 0 };
  let moving = false;
  let moved = false;
  let claimed: DragHandler | null = null;
  const ending = new AbortController();
  const listen = { signal: ending.signal };

  const at = (event: MouseEvent): { x: number; y: number } => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  stage.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button > 1) return;
      if (event.button === 1) event.preventDefault();
      if (!pointers.size) {
        moved = false;
        claimed = event.button === 0 ? claim(event) : null;
      }
      pointers.set(event.pointerId, at(event));
      start = at(event);
      moving = pointers.size > 1;
      if (!moving) return;
      moved = true;
      // A second finger starts panning and zooming.
      claimed?.end(false);
      claimed = null;
    },
    listen,
  );
  stage.addEventListener(
    "pointermove",
    (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = at(event);
      if (pointers.size === 1) {
        if (!moving) {
          if (Math.hypot(now.x - start.x, now.y - start.y) < CLICK_PIXELS) return;
          // The browser scrolls the page.
          if (
            !claimed &&
            event.pointerType === "touch" &&
            narrow() &&
            Math.abs(now.y - start.y) > Math.abs(now.x - start.x)
          )
            return;
          moving = true;
          moved = true;
          stage.setPointerCapture(event.pointerId);
          if (!claimed) stage.classList.add("panning");
        }
        if (claimed) claimed.move(event);
        else view.panBy(now.x - before.x, now.y - before.y);
      } else {
        const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
        if (other) {
          const wide = Math.hypot(before.x - other.x, before.y - other.y) || 1;
          const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
          view.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
          view.zoomAt(middle.x, middle.y, (Math.hypot(now.x - other.x, now.y - other.y) || 1) / wide);
        }
      }
      pointers.set(event.pointerId, now);
    },
    listen,
  );
  const released = (event: PointerEvent): void => {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    const mine = claimed;
    claimed = null;
    if (moving) mine?.end(event.type === "pointerup");
    moving = false;
    stage.classList.remove("panning");
  };
  stage.addEventListener("pointerup", released, listen);
  stage.addEventListener("pointercancel", released, listen);
  stage.addEventListener(
    "lostpointercapture",
    (event) => {
      // The element that was touched first loses the capture when the stage takes it; that is not the end.
      if (event.target === stage) released(event);
    },
    listen,
  );
  // The button may be released outside before the press becomes a drag.
  window.addEventListener("pointerup", released, listen);
  stage.addEventListener(
    "wheel",
    (event) => {
      const unit =
        event.deltaMode === WheelEvent.DOM_DELTA_LINE
          ? LINE_PIXELS
          : event.deltaMode === WheelEvent.DOM_DELTA_PAGE
            ? view.height
            : 1;
      const place = at(event);
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        // Touchpads send small steps, wheels large ones.
        const delta = Math.max(-60, Math.min(60, event.deltaY * unit));
        view.zoomAt(place.x, place.y, Math.exp(-delta * 0.006));
        return;
      }
      if (narrow()) return;
      event.preventDefault();
      const sideways = event.shiftKey && !event.deltaX;
      view.panBy(-(sideways ? event.deltaY : event.deltaX) * unit, sideways ? 0 : -event.deltaY * unit);
    },
    { passive: false, signal: ending.signal },
  );
  return {
    wasDragged: () => moved,
    cancel: () => {
      claimed?.end(false);
      claimed = null;
      for (const id of pointers.keys()) if (stage.hasPointerCapture(id)) stage.releasePointerCapture(id);
      pointers.clear();
    },
    stop: () => ending.abort(),
  };
}
