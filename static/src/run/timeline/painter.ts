/** Paints the visible rows of the timeline: names, bars with the colour and pattern of their state, the axis with time since
 * the start of the run, and a line at the present. */

import { STATES } from "../../canvas/picture";
import type { Theme } from "../../canvas/theme";
import { duration, visible } from "../../words/words";
import type { AttemptBar, TimelineRow } from "./attempts";
import { tickLabel, type TimeSpan, tickStep, ticks } from "./scale";

export const ROW_HEIGHT = 24;
export const AXIS_HEIGHT = 26;
const BAR_HEIGHT = 12;
const WIDTH_MIN = 3;
const NAME_MAX = 120;

interface TimelineFrame {
  readonly width: number;
  readonly height: number;
  /** Width of the column of names. */
  readonly side: number;
  readonly span: TimeSpan;
  readonly origin: number;
  readonly now: number | null;
  /** Scroll position of the rows, in pixels. */
  readonly top: number;
  readonly rows: readonly TimelineRow[];
  readonly chosen: string;
  readonly focused: number;
  readonly name: (node: string) => string;
  readonly critical: (node: string) => string;
}

export class TimelinePainter {
  private readonly pen: CanvasRenderingContext2D;
  private ratio = 1;
  private readonly patterns = new Map<string, CanvasPattern | null>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private theme: Theme,
  ) {
    const pen = canvas.getContext("2d", { alpha: false });
    if (!pen) throw new Error("This browser has no 2D canvas.");
    this.pen = pen;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.patterns.clear();
  }

  resize(width: number, height: number): void {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.patterns.clear();
  }

  paint(frame: TimelineFrame): void {
    const { pen, theme } = this;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.fillStyle = theme.surface;
    pen.fillRect(0, 0, frame.width, frame.height);
    this.grid(frame);
    const first = Math.max(0, Math.floor(frame.top / ROW_HEIGHT));
    const last = Math.min(frame.rows.length, Math.ceil((frame.top + frame.height - AXIS_HEIGHT) / ROW_HEIGHT));
    pen.save();
    pen.beginPath();
    pen.rect(0, AXIS_HEIGHT, frame.width, frame.height - AXIS_HEIGHT);
    pen.clip();
    for (let index = first; index < last; index += 1) {
      const row = frame.rows[index];
      if (row) this.row(frame, row, index, AXIS_HEIGHT + index * ROW_HEIGHT - frame.top);
    }
    pen.restore();
    this.axis(frame);
  }

  private x(frame: TimelineFrame, at: number): number {
    const { from, to } = frame.span;
    return frame.side + ((at - from) / Math.max(1e-9, to - from)) * (frame.width - frame.side);
  }

  private grid(frame: TimelineFrame): void {
    const { pen, theme } = this;
    const each = tickStep(frame.span, frame.width - frame.side, 84);
    pen.fillStyle = theme.line;
    for (const at of ticks(frame.span, frame.origin, each))
      pen.fillRect(Math.round(this.x(frame, at)), AXIS_HEIGHT, 1, frame.height - AXIS_HEIGHT);
    if (frame.now !== null && frame.now <= frame.span.to && frame.now >= frame.span.from) {
      pen.fillStyle = theme.ink3;
      pen.fillRect(Math.round(this.x(frame, frame.now)), AXIS_HEIGHT - 5, 1, frame.height);
    }
  }

  private axis(frame: TimelineFrame): void {
    const { pen, theme } = this;
    pen.fillStyle = theme.surface;
    pen.fillRect(0, 0, frame.width, AXIS_HEIGHT);
    pen.fillStyle = theme.line;
    pen.fillRect(0, AXIS_HEIGHT - 1, frame.width, 1);
    pen.fillRect(frame.side - 1, 0, 1, frame.height);
    pen.font = `12px ${theme.family}`;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.fillStyle = theme.ink3;
    const each = tickStep(frame.span, frame.width - frame.side, 84);
    for (const at of ticks(frame.span, frame.origin, each)) {
      const x = this.x(frame, at);
      if (x < frame.width - 30) pen.fillText(tickLabel(at - frame.origin, each), x + 4, AXIS_HEIGHT / 2);
    }
  }

  private row(frame: TimelineFrame, row: TimelineRow, index: number, y: number): void {
    const { pen, theme } = this;
    if (row.node === frame.chosen) {
      pen.globalAlpha = 0.5;
      pen.fillStyle = theme.accentSoft;
      pen.fillRect(0, y, frame.width, ROW_HEIGHT);
      pen.globalAlpha = 1;
      pen.fillStyle = theme.accent;
      pen.fillRect(0, y, 3, ROW_HEIGHT);
    }
    if (index === frame.focused) {
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 1;
      pen.strokeRect(0.5, y + 0.5, frame.width - 1, ROW_HEIGHT - 1);
    }
    const critical = frame.critical(row.node);
    pen.font = `${critical ? 600 : 400} 12px ${theme.family}`;
    pen.fillStyle = critical ? this.colour(critical) : theme.ink2;
    pen.textBaseline = "middle";
    const mark = critical === "" ? "" : critical === "stuck" ? "! " : "✕ ";
    pen.fillText(
      this.truncate(mark + visible(frame.name(row.node).slice(0, NAME_MAX)), frame.side - 26),
      14,
      y + ROW_HEIGHT / 2,
    );
    pen.save();
    pen.beginPath();
    pen.rect(frame.side, y, frame.width - frame.side, ROW_HEIGHT);
    pen.clip();
    let right = 0;
    let before: AttemptBar | null = null;
    for (const bar of row.bars) {
      const top = y + (ROW_HEIGHT - BAR_HEIGHT) / 2;
      const until = bar.waitingFrom ?? bar.startedAt;
      // The delay before a further attempt.
      if (before?.finishedAt && until !== null && until - before.finishedAt > 1)
        this.wait(true, this.x(frame, before.finishedAt), this.x(frame, until), top);
      right = Math.max(right, this.bar(frame, bar, top));
      before = bar;
    }
    const newest = row.bars.at(-1);
    if (newest && right > frame.side && right < frame.width - 40) {
      pen.fillStyle = theme.ink2;
      pen.font = `12px ${theme.family}`;
      pen.fillText(durationText(newest, frame.now), right + 6, y + ROW_HEIGHT / 2);
    }
    pen.restore();
  }

  /** Paints a bar; returns its right end. */
  private bar(frame: TimelineFrame, bar: AttemptBar, y: number): number {
    const { pen } = this;
    const now = frame.now ?? frame.span.to;
    const ran = bar.startedAt;
    let right = 0;
    if (bar.waitingFrom !== null) {
      const until = ran ?? bar.finishedAt ?? now;
      const left = this.x(frame, bar.waitingFrom);
      right = this.x(frame, until);
      if (right - left > 0.5) right = this.wait(bar.state === "retrying", left, right, y);
    }
    if (ran !== null) {
      const left = this.x(frame, ran);
      const width = Math.max(WIDTH_MIN, this.x(frame, bar.finishedAt ?? now) - left);
      if (left < frame.width && left + width > frame.side) {
        pen.fillStyle = this.fill(bar.state);
        pen.beginPath();
        pen.roundRect(left, y, width, BAR_HEIGHT, Math.min(3, width / 2));
        pen.fill();
        if (bar.state !== "succeeded") {
          pen.strokeStyle = this.colour(bar.state);
          pen.lineWidth = 1;
          pen.stroke();
        }
      }
      right = left + width;
    }
    return right;
  }

  /** Paints waiting time: a line, dotted while the next attempt is not due. */
  private wait(retrying: boolean, left: number, right: number, y: number): number {
    const { pen } = this;
    pen.strokeStyle = this.colour(retrying ? "retrying" : "ready");
    pen.lineWidth = 2;
    pen.setLineDash(retrying ? [2, 4] : []);
    pen.beginPath();
    pen.moveTo(left, y + BAR_HEIGHT / 2);
    pen.lineTo(Math.max(left + WIDTH_MIN, right), y + BAR_HEIGHT / 2);
    pen.stroke();
    pen.setLineDash([]);
    return Math.max(left + WIDTH_MIN, right);
  }

  private fill(state: string): string | CanvasPattern {
    const colour = this.colour(state);
    switch (state) {
      case "succeeded":
        return colour;
      case "running":
        return this.pattern("rising", colour);
      case "failed":
        return this.pattern("cross", colour);
      case "timed_out":
        return this.pattern("posts", colour);
      default:
        return this.pattern("falling", colour);
    }
  }

  private colour(state: string): string {
    if (state === "stuck") return this.theme.stuck;
    if (state === "lost") return this.colour("failed");
    return this.theme.states[STATES.indexOf(state as (typeof STATES)[number])] ?? this.theme.ink3;
  }

  /** A pattern that shows the state without relying on colour. */
  private pattern(kind: "rising" | "falling" | "cross" | "posts", colour: string): CanvasPattern | string {
    const key = `${kind} ${colour}`;
    const known = this.patterns.get(key);
    if (known !== undefined) return known ?? colour;
    const size = 8;
    const tile = document.createElement("canvas");
    tile.width = tile.height = size * this.ratio;
    const pen = tile.getContext("2d");
    if (!pen) return colour;
    pen.scale(this.ratio, this.ratio);
    pen.globalAlpha = 0.45;
    pen.fillStyle = colour;
    pen.fillRect(0, 0, size, size);
    pen.globalAlpha = 1;
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.beginPath();
    const slants = kind === "cross" ? [1, -1] : kind === "rising" ? [-1] : kind === "falling" ? [1] : [];
    for (const slant of slants) {
      for (let from = -size; from <= size; from += size) {
        pen.moveTo(from, slant > 0 ? 0 : size);
        pen.lineTo(from + size, slant > 0 ? size : 0);
      }
    }
    if (kind === "posts") {
      pen.moveTo(2, 0);
      pen.lineTo(2, size);
      pen.moveTo(6, 0);
      pen.lineTo(6, size);
    }
    if (slants.length || kind === "posts") pen.stroke();
    const made = this.pen.createPattern(tile, "repeat");
    made?.setTransform(new DOMMatrix().scale(1 / this.ratio));
    this.patterns.set(key, made);
    return made ?? colour;
  }

  private truncate(text: string, width: number): string {
    if (this.pen.measureText(text).width <= width) return text;
    let low = 0;
    let high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pen.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    return `${text.slice(0, low)}…`;
  }
}

/** How long the attempt ran, or waits. */
function durationText(bar: AttemptBar, now: number | null): string {
  const from = bar.startedAt ?? bar.waitingFrom;
  const to = bar.finishedAt ?? now;
  return from === null || to === null ? "" : duration((to - from) / 1000);
}
