/** What lies over the cards while something is done: the wire that is drawn, the box of a selection, guides, the edge that
 * is meant, and the handles of a chosen edge. */

import { element, icon } from "../../dom";
import type { Box } from "../../graph/grid";
import { bevelled, way, type Ways } from "../../graph/track";
import { gettext } from "../../words/i18n";
import type { View } from "../viewport";
import type { Guide } from "./snap";

const SVG = "http://www.w3.org/2000/svg";

/** Corners of both nodes, and how far below its corner the wire begins. */
export interface Wire {
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
  readonly port: number;
  readonly refused: boolean;
}

export interface Over {
  wire: Wire | null;
  box: Box | null;
  guides: readonly Guide[];
  /** Where a node would come to stand. */
  ghost: Box | null;
  /** An edge that is meant; -1: none. */
  lit: number;
  /** An edge with handles; -1: none. */
  handles: number;
  /** An edge that offers to take a node in; -1: none. */
  plus: number;
}

export class Overlay {
  readonly over: Over = { wire: null, box: null, guides: [], ghost: null, lit: -1, handles: -1, plus: -1 };
  readonly plus = element("button", "cvplus", icon("plus", true));
  /** Says why something cannot be, beside the pointer. */
  private readonly why = element("div", "float cvwhy");
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly lit = this.part("path", "lit");
  private readonly wire = this.part("path", "wire");
  private readonly box = this.part("rect", "pick");
  private readonly ghost = this.part("rect", "ghost");
  private readonly guides = this.part("path", "guide");
  private readonly ends = [this.part("circle", "end"), this.part("circle", "end")] as const;
  private readonly points = new Float64Array(12);
  private last = "";

  constructor(stage: HTMLElement) {
    this.svg.setAttribute("class", "cvover");
    this.svg.setAttribute("aria-hidden", "true");
    this.plus.type = "button";
    this.plus.tabIndex = -1;
    this.plus.title = gettext("Put a node in here");
    this.plus.setAttribute("aria-label", this.plus.title);
    this.plus.hidden = true;
    this.why.setAttribute("role", "status");
    this.why.hidden = true;
    stage.append(this.svg, this.plus, this.why);
  }

  private part(tag: string, style: string): SVGElement {
    const made = document.createElementNS(SVG, tag);
    made.setAttribute("class", style);
    made.style.display = "none";
    this.svg.append(made);
    return made;
  }

  /** At a point of the stage; null: nothing. */
  explain(text: string | null, x = 0, y = 0): void {
    this.why.hidden = text === null;
    if (text === null) return;
    if (this.why.textContent !== text) this.why.textContent = text;
    const wide = this.svg.clientWidth;
    const right = x > wide - 300;
    this.why.style.transform = `translate(${Math.round(right ? x - 16 : x + 16)}px, ${Math.round(y + 18)}px)${right ? " translateX(-100%)" : ""}`;
  }

  draw(view: View, ways: Ways): void {
    const { over } = this;
    const { x, y, zoom } = view;
    const set = (part: SVGElement, values: Readonly<Record<string, string | number>> | null): void => {
      part.style.display = values ? "" : "none";
      if (values) for (const [name, value] of Object.entries(values)) part.setAttribute(name, String(value));
    };
    const rect = (box: Box | null): Record<string, number> | null =>
      box && {
        x: box.left * zoom + x,
        y: box.top * zoom + y,
        width: Math.max(0, (box.right - box.left) * zoom),
        height: Math.max(0, (box.bottom - box.top) * zoom),
        rx: 7 * zoom,
      };
    const along = (points: Float64Array, from: number, length: number): string => {
      let d = "";
      bevelled(points, from, length, {
        moveTo: (px, py) => (d += `M${px * zoom + x} ${py * zoom + y}`),
        lineTo: (px, py) => (d += `L${px * zoom + x} ${py * zoom + y}`),
      });
      return d;
    };
    const edge = (number: number): { d: string } | null =>
      number < 0
        ? null
        : { d: along(ways.points, ways.start[number] ?? 0, (ways.end[number] ?? 0) - (ways.start[number] ?? 0)) };
    const { wire } = over;
    set(
      this.wire,
      wire && {
        d: along(this.points, 0, way(wire.ax, wire.ay, wire.bx, wire.by, this.points, wire.port)),
        class: wire.refused ? "wire refused" : "wire",
      },
    );
    set(this.box, rect(over.box) && { ...rect(over.box), rx: 2 });
    set(this.ghost, rect(over.ghost));
    set(
      this.guides,
      over.guides.length
        ? {
            d: over.guides
              .map(({ axis, at, from, to }) =>
                axis === "x"
                  ? `M${at * zoom + x} ${from * zoom + y - 12}V${to * zoom + y + 12}`
                  : `M${from * zoom + x - 12} ${at * zoom + y}H${to * zoom + x + 12}`,
              )
              .join(""),
          }
        : null,
    );
    set(this.lit, edge(over.lit));
    const first = ways.start[over.handles] ?? 0;
    const last = (ways.end[over.handles] ?? 0) - 2;
    set(
      this.ends[0],
      over.handles < 0
        ? null
        : { cx: (ways.points[first] ?? 0) * zoom + x, cy: (ways.points[first + 1] ?? 0) * zoom + y, r: 6 },
    );
    set(
      this.ends[1],
      over.handles < 0
        ? null
        : { cx: (ways.points[last] ?? 0) * zoom + x, cy: (ways.points[last + 1] ?? 0) * zoom + y, r: 6 },
    );
    this.plus.hidden = over.plus < 0;
    if (over.plus < 0) return;
    const middle = middleOf(ways, over.plus);
    const at = `translate(${Math.round(middle.x * zoom + x)}px, ${Math.round(middle.y * zoom + y)}px)`;
    if (at !== this.last) this.plus.style.transform = this.last = at;
  }
}

/** Half of the way along an edge. */
export function middleOf({ start, end, points }: Ways, edge: number): { x: number; y: number } {
  const from = start[edge] ?? 0;
  const last = (end[edge] ?? 0) - 2;
  let whole = 0;
  const run = (at: number): number =>
    Math.abs((points[at + 2] ?? 0) - (points[at] ?? 0)) + Math.abs((points[at + 3] ?? 0) - (points[at + 1] ?? 0));
  for (let at = from; at < last; at += 2) whole += run(at);
  let left = whole / 2;
  for (let at = from; at < last; at += 2) {
    const length = run(at);
    if (length >= left && length) {
      const share = left / length;
      return {
        x: (points[at] ?? 0) + ((points[at + 2] ?? 0) - (points[at] ?? 0)) * share,
        y: (points[at + 1] ?? 0) + ((points[at + 3] ?? 0) - (points[at + 1] ?? 0)) * share,
      };
    }
    left -= length;
  }
  return { x: points[from] ?? 0, y: points[from + 1] ?? 0 };
}
