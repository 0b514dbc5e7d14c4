/** Lines of a log that are marked, to be copied: with the mouse over several rows, with Shift, with the keyboard. The
 * marks are numbers of lines, so that they last when their rows are scrolled out of the page. */

import type { SeqRanges } from "./ranges";
import type { Windowed } from "../virtual-list";

export interface MarkingHost {
  seqAt(index: number): number;
  redraw(): void;
  copy(event: ClipboardEvent): void;
}

const EDGE_MS = 50;

export class Marking {
  private from = 0;
  private upto = 0;
  private dragged = -1;
  private edge = 0;
  private pointerY = 0;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly list: Windowed,
    private readonly host: MarkingHost,
  ) {
    scroller.addEventListener("pointerdown", (event) => this.down(event));
    scroller.addEventListener("copy", (event) => {
      // Part of one line is copied as the browser does it.
      if (this.range && getSelection()?.isCollapsed !== false) this.host.copy(event);
    });
  }

  /** The line that keys move from; 0: none. */
  get at(): number {
    return this.upto;
  }

  /** First and last number of the marked lines; null: none. */
  get range(): [number, number] | null {
    return this.upto ? [Math.min(this.from, this.upto), Math.max(this.from, this.upto)] : null;
  }

  paint(row: HTMLElement, seq: number): void {
    const range = this.range;
    if (range && seq >= range[0] && seq <= range[1]) row.classList.add("marked");
    if (seq && seq === this.upto) row.classList.add("cursor");
  }

  set(from: number, upto: number): void {
    if (from === this.from && upto === this.upto) return;
    this.from = from;
    this.upto = upto;
    this.host.redraw();
  }

  /** Whether the key was one of ours. */
  key(event: KeyboardEvent, rows: SeqRanges): boolean {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") this.set(rows.at(0), rows.last);
    else if (event.key === "Escape" && this.upto) this.set(0, 0);
    else if (event.ctrlKey || event.metaKey) return false;
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const start = this.upto
        ? rows.place(this.upto) + step
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

  private down(event: PointerEvent): void {
    if (event.button !== 0 || event.pointerType === "touch") return;
    // On the scroll bar.
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
    this.dragged = seq;
    const move = (moving: PointerEvent): void => {
      this.pointerY = moving.clientY;
      this.stretch();
    };
    const up = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
      window.clearInterval(this.edge);
      this.edge = 0;
      // A click marks its line, a drag within one marks text in it.
      if (!this.upto && getSelection()?.isCollapsed !== false) this.set(this.dragged, this.dragged);
      this.dragged = -1;
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    this.edge = window.setInterval(() => this.beyond(), EDGE_MS);
    this.pointerY = event.clientY;
  }

  /** The drag is over another row: whole lines are marked from now on. */
  private stretch(): void {
    const seq = this.host.seqAt(this.list.indexAt(this.pointerY));
    if (!seq || (seq === this.dragged && !this.upto)) return;
    getSelection()?.removeAllRanges();
    this.set(this.dragged, seq);
  }

  /** Held above or below, the list goes on. */
  private beyond(): void {
    const box = this.scroller.getBoundingClientRect();
    const over = this.pointerY < box.top ? this.pointerY - box.top : Math.max(0, this.pointerY - box.bottom);
    if (!over) return;
    this.list.scrollBy(over);
    this.stretch();
  }
}
