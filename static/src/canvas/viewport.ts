/** The viewport that the painter, the cards and the minimap share: position of the graph's origin, and zoom. */

import type { Box } from "../graph/grid";

const ZOOM_MAX = 2;
/** From this zoom on, nodes are DOM cards; below, only names and colours are painted. */
export const ZOOM_CARDS = 0.6;
/** Below this zoom, nodes are coloured blocks. */
export const ZOOM_NAMES = 0.3;
const MOVE_MS = 120;

interface Padding {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface ViewportState {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export class Viewport {
  /** Position of the graph's origin, in pixels from the upper left corner. */
  x = 0;
  y = 0;
  zoom = 1;
  /** Pixels. */
  width = 0;
  height = 0;
  private zoomMin = 0.02;
  private bounds: Box = { left: 0, top: 0, right: 0, bottom: 0 };
  private room = 0;
  private animation: { from: ViewportState; to: ViewportState; began: number } | null = null;

  constructor(private readonly changed: () => void) {}

  /** Sets the extent of the graph: one can always zoom out to see all of it, and pan at most `room` beyond it. */
  setBounds(bounds: Box, room = 0): void {
    this.bounds = bounds;
    this.room = room;
    this.limit();
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.limit();
    this.changed();
  }

  private limit(): void {
    const { left, top, right, bottom } = this.bounds;
    this.zoomMin = Math.min(
      0.25,
      0.6 * Math.min(this.width / (right - left + 1), this.height / (bottom - top + 1)) || 0.02,
    );
  }

  /** The visible part of the graph, with `margin` pixels around it. */
  box(margin = 0): Box {
    return {
      left: (-this.x - margin) / this.zoom,
      top: (-this.y - margin) / this.zoom,
      right: (this.width - this.x + margin) / this.zoom,
      bottom: (this.height - this.y + margin) / this.zoom,
    };
  }

  toGraph(x: number, y: number): { x: number; y: number } {
    return { x: (x - this.x) / this.zoom, y: (y - this.y) / this.zoom };
  }

  private set(x: number, y: number, zoom: number): void {
    // A corner of the graph always stays in view.
    const keep = 80 - this.room * zoom;
    const { left, top, right, bottom } = this.bounds;
    const x2 = Math.min(this.width - keep - left * zoom, Math.max(keep - right * zoom, x));
    const y2 = Math.min(this.height - keep - top * zoom, Math.max(keep - bottom * zoom, y));
    // Whole pixels keep the text of cards sharp.
    this.x = Math.round(x2);
    this.y = Math.round(y2);
    this.zoom = zoom;
    this.changed();
  }

  panBy(dx: number, dy: number): void {
    this.animation = null;
    this.set(this.x + dx, this.y + dy, this.zoom);
  }

  /** Zooms by a factor around the point (x, y). */
  zoomAt(x: number, y: number, factor: number): void {
    this.animation = null;
    const zoom = this.clamped(this.zoom * factor);
    const share = zoom / this.zoom;
    this.set(x - (x - this.x) * share, y - (y - this.y) * share, zoom);
  }

  private clamped(zoom: number): number {
    return Math.min(ZOOM_MAX, Math.max(this.zoomMin, zoom));
  }

  /** Shows a whole box, with a zoom of at most `most`; a small box is placed a little above the middle. */
  fit(box: Box, padding: Padding, most = 1, smooth = false): void {
    const wide = Math.max(1, this.width - padding.left - padding.right);
    const high = Math.max(1, this.height - padding.top - padding.bottom);
    const zoom = this.clamped(Math.min(most, wide / (box.right - box.left || 1), high / (box.bottom - box.top || 1)));
    const x = padding.left + (wide - (box.right - box.left) * zoom) / 2 - box.left * zoom;
    const y = padding.top + (high - (box.bottom - box.top) * zoom) * 0.4 - box.top * zoom;
    this.go({ x, y, zoom }, smooth);
  }

  centre(x: number, y: number, zoom = this.zoom, smooth = false): void {
    this.go({ x: this.width / 2 - x * zoom, y: this.height / 2 - y * zoom, zoom }, smooth);
  }

  /** Moves as little as needed to show a box. */
  reveal(box: Box, margin: number, smooth: boolean): void {
    const to = this.animation?.to ?? { x: this.x, y: this.y, zoom: this.zoom };
    const left = box.left * to.zoom + to.x;
    const top = box.top * to.zoom + to.y;
    const right = box.right * to.zoom + to.x;
    const bottom = box.bottom * to.zoom + to.y;
    let { x, y } = to;
    if (left < margin) x += margin - left;
    else if (right > this.width - margin) x -= right - (this.width - margin);
    if (top < margin) y += margin - top;
    else if (bottom > this.height - margin) y -= bottom - (this.height - margin);
    if (x !== to.x || y !== to.y) this.go({ x, y, zoom: to.zoom }, smooth);
  }

  private go(to: ViewportState, smooth: boolean): void {
    if (!smooth) {
      this.animation = null;
      this.set(to.x, to.y, to.zoom);
      return;
    }
    this.animation = { from: { x: this.x, y: this.y, zoom: this.zoom }, to, began: performance.now() };
    this.changed();
  }

  /** Advances a running animation; returns whether it continues. */
  step(now: number): boolean {
    const going = this.animation;
    if (!going) return false;
    const share = Math.min(1, (now - going.began) / MOVE_MS);
    const eased = 1 - (1 - Math.max(0, share)) ** 3;
    const { from, to } = going;
    const between = (a: number, b: number): number => a + (b - a) * eased;
    this.set(between(from.x, to.x), between(from.y, to.y), between(from.zoom, to.zoom));
    if (share >= 1) this.animation = null;
    return this.animation !== null;
  }
}
