/** The minimap: all nodes as coloured dots and the visible part as a frame; clicking or dragging moves the view. */

import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import type { Picture } from "./picture";
import type { Theme } from "./theme";
import type { Viewport } from "./viewport";

export const MAP_WIDTH = 150;
export const MAP_HEIGHT = 84;
const PADDING = 7;

export class Minimap {
  private readonly pen: CanvasRenderingContext2D;
  private readonly base = document.createElement("canvas");
  private readonly basePen: CanvasRenderingContext2D;
  private scale = 1;
  private left = 0;
  private top = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly go: (x: number, y: number) => void,
  ) {
    const pen = canvas.getContext("2d");
    const ink = this.base.getContext("2d", { alpha: false });
    if (!pen || !ink) throw new Error("This browser has no 2D canvas.");
    this.pen = pen;
    this.basePen = ink;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    for (const one of [canvas, this.base]) {
      one.width = MAP_WIDTH * ratio;
      one.height = MAP_HEIGHT * ratio;
    }
    pen.scale(ratio, ratio);
    ink.scale(ratio, ratio);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.moveTo(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.moveTo(event);
    });
  }

  private moveTo(event: PointerEvent): void {
    this.go((event.offsetX - this.left) / this.scale, (event.offsetY - this.top) / this.scale);
  }

  /** Redraws all nodes, after a change of layout, theme or snapshot. States that need attention are drawn last, on top. */
  redraw(scene: Picture, theme: Theme): void {
    const { bounds } = scene.grid;
    const wide = bounds.right - bounds.left || 1;
    const high = bounds.bottom - bounds.top || 1;
    this.scale = Math.min((MAP_WIDTH - 2 * PADDING) / wide, (MAP_HEIGHT - 2 * PADDING) / high, 0.12);
    this.left = (MAP_WIDTH - wide * this.scale) / 2 - bounds.left * this.scale;
    this.top = (MAP_HEIGHT - high * this.scale) / 2 - bounds.top * this.scale;
    this.basePen.fillStyle = theme.surface;
    this.basePen.fillRect(0, 0, MAP_WIDTH, MAP_HEIGHT);
    const order = [...theme.blocks.keys()];
    const groups: number[][] = order.map(() => []);
    for (let node = 0; node < scene.graph.size; node += 1) groups[scene.states[node] ?? 0]?.push(node);
    for (const group of groups) this.update(scene, theme, group);
  }

  update(scene: Picture, theme: Theme, nodes: readonly number[]): void {
    const wide = Math.max(1, NODE_WIDTH * this.scale);
    const high = Math.max(1, NODE_HEIGHT * this.scale);
    for (const node of nodes) {
      this.basePen.fillStyle = scene.stuck[node] ? theme.stuck : (theme.blocks[scene.states[node] ?? 0] ?? theme.line);
      this.basePen.fillRect(
        (scene.at[2 * node] ?? 0) * this.scale + this.left,
        (scene.at[2 * node + 1] ?? 0) * this.scale + this.top,
        wide,
        high,
      );
    }
  }

  /** Draws the dots and the frame around the visible part. */
  frame(view: Viewport, theme: Theme): void {
    const pen = this.pen;
    pen.drawImage(this.base, 0, 0, MAP_WIDTH, MAP_HEIGHT);
    const box = view.box();
    const left = Math.max(1, box.left * this.scale + this.left);
    const top = Math.max(1, box.top * this.scale + this.top);
    const right = Math.min(MAP_WIDTH - 1, box.right * this.scale + this.left);
    const bottom = Math.min(MAP_HEIGHT - 1, box.bottom * this.scale + this.top);
    pen.strokeStyle = theme.accent;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.roundRect(left, top, Math.max(4, right - left), Math.max(4, bottom - top), 2);
    pen.stroke();
  }
}
