/** A virtual list of rows of equal height. */

import { LongScroll } from "./long-scroll";

interface RowSource {
  /** Creates or fills the row at `index`; `row`: an unused row to fill. */
  render(index: number, row: HTMLElement | null): HTMLElement;
  /** Rows from `first` to `last`, exclusive, are in the page now. */
  rowsShown?(first: number, last: number): void;
}

const OVERSCAN = 12;
const SETTLE_MS = 150;

export class VirtualList {
  private count = 0;
  private readonly rows = new Map<number, HTMLElement>();
  private unusedRows: HTMLElement[] = [];
  private frame = 0;
  private settleTimer = 0;
  private readonly scroll = new LongScroll();
  private offset = 0;
  /** Height of what is above and below the rows in the scroller. */
  private surroundings = 0;
  private view = 0;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly sizer: HTMLElement,
    private readonly source: RowSource,
    private rowHeight: number,
  ) {
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => {
      this.measure();
      this.requestFrame();
    }).observe(scroller);
    this.measure();
  }

  setRowHeight(height: number): void {
    if (height === this.rowHeight) return;
    const first = this.firstInView;
    this.rowHeight = height;
    this.reset(this.count);
    this.showAt(first, 0);
  }

  /** Any row may have changed: draws all again. */
  reset(count: number): void {
    for (const row of this.rows.values()) {
      row.remove();
      this.unusedRows.push(row);
    }
    this.rows.clear();
    this.setCount(count);
    this.draw();
  }

  /** Rows were added or removed at the end. */
  setCount(count: number): void {
    this.count = count;
    this.size();
    this.requestFrame();
  }

  /** Draws the row at `index` again, if it is in the page. */
  changed(index: number): void {
    const row = this.rows.get(index);
    if (row) this.source.render(index, row);
  }

  /** Fills all rows in the page again. */
  redraw(): void {
    for (const [index, row] of this.rows) this.source.render(index, row);
    this.draw();
  }

  /** Scrolls as little as needed to show the row. */
  reveal(index: number): void {
    const top = index * this.rowHeight;
    if (top < this.scroll.top) this.goTo(top);
    else if (top + this.rowHeight + this.surroundings > this.scroll.top + this.view)
      this.goTo(top + this.rowHeight + this.surroundings - this.view);
    this.draw();
  }

  /** Scrolls so that the row is `below` pixels under the upper edge. */
  showAt(index: number, below: number): void {
    this.goTo(index * this.rowHeight - below);
    this.draw();
  }

  toEnd(): void {
    this.goTo(this.scroll.end);
    this.draw();
  }

  get atEnd(): boolean {
    return this.scroll.top >= this.scroll.end - this.rowHeight;
  }

  /** The row at the upper edge. */
  get firstInView(): number {
    return Math.min(Math.max(0, this.count - 1), Math.floor(this.scroll.top / this.rowHeight));
  }
  get cutOff(): number {
    return this.scroll.top - this.firstInView * this.rowHeight;
  }
  get rowsInView(): number {
    return Math.max(1, Math.floor((this.view - this.surroundings) / this.rowHeight));
  }

  /** The row that contains a DOM node; -1: none. */
  indexOf(node: Node | null): number {
    for (const [index, row] of this.rows) if (row.contains(node)) return index;
    return -1;
  }

  /** The row at a vertical position of the window, also beyond the edges of the list. */
  indexAt(clientY: number): number {
    const y = clientY - this.scroller.getBoundingClientRect().top + this.scroll.top - this.surroundings / 2;
    return Math.max(0, Math.min(this.count - 1, Math.floor(y / this.rowHeight)));
  }

  scrollBy(pixels: number): void {
    this.goTo(this.scroll.top + pixels);
    this.draw();
  }

  private measure(): void {
    this.view = this.scroller.clientHeight;
    if (this.view)
      this.surroundings = Math.max(
        0,
        this.sizer.offsetTop + parseFloat(getComputedStyle(this.sizer).marginBottom || "0"),
      );
    this.size();
  }

  private size(): void {
    this.scroll.resize(this.count * this.rowHeight + this.surroundings, this.view);
    this.sizer.style.height = `${this.scroll.height - this.surroundings}px`;
  }

  private goTo(top: number): void {
    this.scroller.scrollTop = this.scroll.goTo(top);
    this.scroll.corrected(this.scroller.scrollTop);
  }

  private scrolled(): void {
    if (this.scroll.scrolled(this.scroller.scrollTop)) this.settle();
    else {
      window.clearTimeout(this.settleTimer);
      this.settleTimer = window.setTimeout(() => this.settle(), SETTLE_MS);
    }
    this.requestFrame();
  }

  private settle(): void {
    const wanted = this.scroll.correction();
    if (wanted === null) return;
    this.scroller.scrollTop = wanted;
    this.scroll.corrected(this.scroller.scrollTop);
    this.draw();
  }

  private requestFrame(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw(): void {
    const first = Math.max(0, Math.floor(this.scroll.top / this.rowHeight) - OVERSCAN);
    const last = Math.min(this.count, Math.ceil((this.scroll.top + this.view) / this.rowHeight) + OVERSCAN);
    for (const [index, row] of this.rows) {
      if (index < first || index >= last) {
        this.rows.delete(index);
        row.remove();
        this.unusedRows.push(row);
      }
    }
    if (this.offset !== this.scroll.offset) {
      this.offset = this.scroll.offset;
      for (const [index, row] of this.rows) this.place(index, row);
    }
    // Keep rows in order, for screen readers and text selection.
    let next: HTMLElement | null = null;
    for (let index = last - 1; index >= first; index -= 1) {
      let row = this.rows.get(index);
      if (!row) {
        row = this.source.render(index, this.unusedRows.pop() ?? null);
        this.place(index, row);
        this.rows.set(index, row);
        this.sizer.insertBefore(row, next);
      }
      next = row;
    }
    this.unusedRows = this.unusedRows.slice(0, 80);
    this.source.rowsShown?.(first, last);
  }

  private place(index: number, row: HTMLElement): void {
    row.style.top = `${index * this.rowHeight - this.offset}px`;
  }
}
