/** Everything drawn over the cards: the connection being drawn, the selection box, guides, the highlighted edge, and the
 * handles of the selected edge. */

import { element, icon } from "../../dom";
import type { Box } from "../../graph/grid";
import { drawBevelled, edgePath, type EdgePaths } from "../../graph/edge-path";
import { gettext } from "../../words/i18n";
import type { Viewport } from "../viewport";
import type { Guide } from "./snap";

const SVG = "http://www.w3.org/2000/svg";

/** A connection being drawn; coordinates as the parameters of `edgePath`. */
interface DrawnConnection {
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
  readonly port: number;
  readonly refused: boolean;
}

interface OverlayState {
  connection: DrawnConnection | null;
  selectionBox: Box | null;
  guides: readonly Guide[];
  /** The box of a node about to be dropped. */
  dropPreview: Box | null;
  /** The edge that a node would be inserted into; -1: none. */
  highlightedEdge: number;
  /** The edge that shows handles at its ends; -1: none. */
  edgeWithHandles: number;
  /** The edge that shows a button to insert a node; -1: none. */
  edgeWithPlus: number;
}

export class Overlay {
  readonly state: OverlayState = {
    connection: null,
    selectionBox: null,
    guides: [],
    dropPreview: null,
    highlightedEdge: -1,
    edgeWithHandles: -1,
    edgeWithPlus: -1,
  };
  readonly plus = element("button", "cvplus", icon("plus", true));
  /** A hint beside the pointer. */
  private readonly hint = element("div", "float cvwhy");
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly lit = this.svgPart("path", "lit");
  private readonly wire = this.svgPart("path", "wire");
  private readonly box = this.svgPart("rect", "pick");
  private readonly ghost = this.svgPart("rect", "ghost");
  private readonly guides = this.svgPart("path", "guide");
  private readonly ends = [this.svgPart("circle", "end"), this.svgPart("circle", "end")] as const;
  private readonly points = new Float64Array(12);
  private last = "";

  constructor(stage: HTMLElement) {
    this.svg.setAttribute("class", "cvover");
    this.svg.setAttribute("aria-hidden", "true");
    this.plus.type = "button";
    this.plus.tabIndex = -1;
    this.plus.title = gettext("Insert a node here");
    this.plus.setAttribute("aria-label", this.plus.title);
    this.plus.hidden = true;
    this.hint.setAttribute("role", "status");
    this.hint.hidden = true;
    stage.append(this.svg, this.plus, this.hint);
  }

  private svgPart(tag: string, style: string): SVGElement {
    const made = document.createElementNS(SVG, tag);
    made.setAttribute("class", style);
    made.style.display = "none";
    this.svg.append(made);
    return made;
  }

  /** Shows a hint at a point of the stage; null hides it. */
  showHint(text: string | null, x = 0, y = 0): void {
    this.hint.hidden = text === null;
    if (text === null) return;
    if (this.hint.textContent !== text) this.hint.textContent = text;
    const wide = this.svg.clientWidth;
    const right = x > wide - 300;
    this.hint.style.transform = `translate(${Math.round(right ? x - 16 : x + 16)}px, ${Math.round(y + 18)}px)${right ? " translateX(-100%)" : ""}`;
  }

  draw(view: Viewport, ways: EdgePaths): void {
    const { state } = this;
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
      drawBevelled(points, from, length, {
        moveTo: (px, py) => (d += `M${px * zoom + x} ${py * zoom + y}`),
        lineTo: (px, py) => (d += `L${px * zoom + x} ${py * zoom + y}`),
      });
      return d;
    };
    const edge = (number: number): { d: string } | null =>
      number < 0
        ? null
        : { d: along(ways.points, ways.start[number] ?? 0, (ways.end[number] ?? 0) - (ways.start[number] ?? 0)) };
    const { connection } = state;
    set(
      this.wire,
      connection && {
        d: along(
          this.points,
          0,
          edgePath(connection.ax, connection.ay, connection.bx, connection.by, this.points, connection.port),
        ),
        class: connection.refused ? "wire refused" : "wire",
      },
    );
    set(this.box, rect(state.selectionBox) && { ...rect(state.selectionBox), rx: 2 });
    set(this.ghost, rect(state.dropPreview));
    set(
      this.guides,
      state.guides.length
        ? {
            d: state.guides
              .map(({ axis, at, from, to }) =>
                axis === "x"
                  ? `M${at * zoom + x} ${from * zoom + y - 12}V${to * zoom + y + 12}`
                  : `M${from * zoom + x - 12} ${at * zoom + y}H${to * zoom + x + 12}`,
              )
              .join(""),
          }
        : null,
    );
    set(this.lit, edge(state.highlightedEdge));
    const first = ways.start[state.edgeWithHandles] ?? 0;
    const last = (ways.end[state.edgeWithHandles] ?? 0) - 2;
    set(
      this.ends[0],
      state.edgeWithHandles < 0
        ? null
        : { cx: (ways.points[first] ?? 0) * zoom + x, cy: (ways.points[first + 1] ?? 0) * zoom + y, r: 6 },
    );
    set(
      this.ends[1],
      state.edgeWithHandles < 0
        ? null
        : { cx: (ways.points[last] ?? 0) * zoom + x, cy: (ways.points[last + 1] ?? 0) * zoom + y, r: 6 },
    );
    this.plus.hidden = state.edgeWithPlus < 0;
    if (state.edgeWithPlus < 0) return;
    const middle = pathMiddle(ways, state.edgeWithPlus);
    const at = `translate(${Math.round(middle.x * zoom + x)}px, ${Math.round(middle.y * zoom + y)}px)`;
    if (at !== this.last) this.plus.style.transform = this.last = at;
  }
}

/** The point halfway along an edge. */
export function pathMiddle({ start, end, points }: EdgePaths, edge: number): { x: number; y: number } {
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
