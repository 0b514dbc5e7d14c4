/** Pan and zoom by pointer, wheel and touch. Narrow, vertical swipes and the wheel belong to the page. */

import type { View } from "./viewport";

/** A press that moves less is a click. */
const CLICK_PIXELS = 4;
const LINE_PIXELS = 16;

/** A press that is somebody else's from its first movement on. */
export interface Claim {
  /** A movement, also the first one. */
  move(event: PointerEvent): void;
  /** `done`: the button was let go; else it was broken off. */
  end(done: boolean): void;
}

export interface Gestures {
  /** Whether the press before this click was a movement. */
  dragged(): boolean;
  /** Breaks off what goes on. */
  drop(): void;
  end(): void;
}

/** `claim`: whose a press is; null: it moves the view. */
export function gestures(
  stage: HTMLElement,
  view: View,
  narrow: () => boolean,
  claim: (event: PointerEvent) => Claim | null = () => null,
): Gestures {
  const pointers = new Map<number, { x: number; y: number }>();
  let start = { x: 0, y: 0 };
  let moving = false;
  let moved = false;
  let claimed: Claim | null = null;
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
      // Two fingers are about the view.
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
          // The browser is about to scroll the page.
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
      // A finger is held by what it touched first; that the stage takes it over is no end.
      if (event.target === stage) released(event);
    },
    listen,
  );
  // A button let go outside, before the press had become a movement.
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
        // Pinching on a touchpad comes as small steps, a wheel as large ones.
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
    dragged: () => moved,
    drop: () => {
      claimed?.end(false);
      claimed = null;
      for (const id of pointers.keys()) if (stage.hasPointerCapture(id)) stage.releasePointerCapture(id);
      pointers.clear();
    },
    end: () => ending.abort(),
  };
}
