/** The selection of log lines for copying, by dragging, with Shift, or by keyboard. It holds numbers of lines, so that it
 * survives scrolling its rows out of the page. */

import type { SeqRanges } from "./ranges";
import type { VirtualList } from "../virtual-list";

interface SelectionHost {
  seqAt(index: number): number;
  redraw(): void;
  copy(event: ClipboardEvent): void;
}

const AUTO_SCROLL_MS = 50;

export class LineSelection {
  private from = 0;
  private to = 0;
  private dragStart = -1;
  private autoScrollTimer = 0;
  private pointerY = 0;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly list: VirtualList,
    private readonly host: SelectionHost,
  ) {
    scroller.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    scroller.addEventListener("copy", (event) => {
      // The browser copies a selection within one line.
      if (this.range && getSelection()?.isCollapsed !== false) this.host.copy(event);
    });
  }

  /** The line at which the keyboard is; 0: none. */
  get cursor(): number {
    return this.to;
  }

  /** The first and last selected line; null: none. */
  get range(): [number, number] | null {
    return this.to ? [Math.min(this.from, this.to), Math.max(this.from, this.to)] : null;
  }

  paint(row: HTMLElement, seq: number): void {
    const range = this.range;
    if (range && seq >= range[0] && seq <= range[1]) row.classList.add("marked");
    if (seq && seq === this.to) row.classList.add("cursor");
  }

  set(from: number, upto: number): void {
    if (from === this.from && upto === this.to) return;
    this.from = from;
    this.to = upto;
    this.host.redraw();
  }

  /** Handles a key; returns whether it did. */
  onKey(event: KeyboardEvent, rows: SeqRanges): boolean {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") this.set(rows.at(0), rows.last);
    else if (event.key === "Escape" && this.to) this.set(0, 0);
    else if (event.ctrlKey || event.metaKey) return false;
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const start = this.to
        ? rows.indexOf(this.to) + step
        : step > 0
          ? this.list.firstInView
          : this.list.firstInView + this.list.rowsInView - 1;
      this.move(Math.max(0, Math.min(rows.count - 1, start)), event.shiftKey, rows);
    } else if (event.shiftKey && (event.key === "Home" || event.key === "End"))
      this.move(event.key === "Home" ? 0 : rows.count - 1, true, rows);
    else return false;
    return true;
  }

  private move(index: number, stretch: boolean, rows: SeqRanges): void {
    const seq = rows.at(index);
    if (!seq) return;
    this.set(stretch && this.from ? this.from : seq, seq);
    this.list.reveal(index);
  }

  private onPointerDown(event: PointerEvent): void {
    if (event.button !== 0 || event.pointerType === "touch") return;
    // The press is on the scroll bar.
    if (event.offsetX > this.scroller.clientWidth && event.target === this.scroller) return;
    const index = event.target instanceof Node ? this.list.indexOf(event.target) : -1;
    const seq = this.host.seqAt(index);
    if (!seq) return;
    if (event.shiftKey && this.from) {
      event.preventDefault();
      getSelection()?.removeAllRanges();
      this.set(this.from, seq);
      return;
    }
    this.set(0, 0);
    this.dragStart = seq;
    const move = (moving: PointerEvent): void => {
      this.pointerY = moving.clientY;
      this.extend();
    };
    const up = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
      window.clearInterval(this.autoScrollTimer);
      this.autoScrollTimer = 0;
      // A click selects the line; a drag within one line selects text in it.
      if (!this.to && getSelection()?.isCollapsed !== false) this.set(this.dragStart, this.dragStart);
      this.dragStart = -1;
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    this.autoScrollTimer = window.setInterval(() => this.autoScroll(), AUTO_SCROLL_MS);
    this.pointerY = event.clientY;
  }

  /** Selects whole lines once the drag reaches another row. */
  private extend(): void {
    const seq = this.host.seqAt(this.list.indexAt(this.pointerY));
    if (!seq || (seq === this.dragStart && !this.to)) return;
    getSelection()?.removeAllRanges();
    this.set(this.dragStart, seq);
  }

  /** Scrolls while the drag is held above or below the list. */
  private autoScroll(): void {
    const box = this.scroller.getBoundingClientRect();
    const over = this.pointerY < box.top ? this.pointerY - box.top : Math.max(0, this.pointerY - box.bottom);
    if (!over) return;
    this.list.scrollBy(over);
    this.extend();
  }
}
