/** A list of rows of one height of which only those in view are in the page. */

import { Reach } from "./long-scroll";

export interface Source {
  /** Makes or fills the row at `index`; `row` is one that was out of view, to be used again. */
  render(index: number, row: HTMLElement | null): HTMLElement;
  /** Rows from `first` up to, without it, `last` are in the page now. */
  shown?(first: number, last: number): void;
}

const OVERSCAN = 12;
const REST_MS = 150;

export class Windowed {
  private count = 0;
  private readonly rows = new Map<number, HTMLElement>();
  private spare: HTMLElement[] = [];
  private frame = 0;
  private rest = 0;
  private readonly reach = new Reach();
  private offset = 0;
  /** What is in the scroller above and below the rows. */
  private around = 0;
  private view = 0;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly sizer: HTMLElement,
    private readonly source: Source,
    private rowHeight: number,
  ) {
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => {
      this.measure();
      this.later();
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

  /** All rows may be different ones: everything is drawn anew. */
  reset(count: number): void {
    for (const row of this.rows.values()) {
      row.remove();
      this.spare.push(row);
    }
    this.rows.clear();
    this.setCount(count);
    this.draw();
  }

  /** Rows were added at the end, or taken from there; those that stay are the same. */
  setCount(count: number): void {
    this.count = count;
    this.size();
    this.later();
  }

  /** The row at `index` has changed; nothing happens when it is not in view. */
  changed(index: number): void {
    const row = this.rows.get(index);
    if (row) this.source.render(index, row);
  }

  /** All rows that are in the page are filled again. */
  redraw(): void {
    for (const [index, row] of this.rows) this.source.render(index, row);
    this.draw();
  }

  /** Scrolls as little as brings the row into view. */
  reveal(index: number): void {
    const top = index * this.rowHeight;
    if (top < this.reach.top) this.goTo(top);
    else if (top + this.rowHeight + this.around > this.reach.top + this.view)
      this.goTo(top + this.rowHeight + this.around - this.view);
    this.draw();
  }

  /** Scrolls so that the row stands `below` pixels under the upper edge. */
  showAt(index: number, below: number): void {
    this.goTo(index * this.rowHeight - below);
    this.draw();
  }

  toEnd(): void {
    this.goTo(this.reach.end);
    this.draw();
  }

  get atEnd(): boolean {
    return this.reach.top >= this.reach.end - this.rowHeight;
  }

  /** The row at the upper edge, and by how many pixels it is above it. */
  get firstInView(): number {
    return Math.min(Math.max(0, this.count - 1), Math.floor(this.reach.top / this.rowHeight));
  }
  get cutOff(): number {
    return this.reach.top - this.firstInView * this.rowHeight;
  }
  get rowsInView(): number {
    return Math.max(1, Math.floor((this.view - this.around) / this.rowHeight));
  }

  /** The row that a node of the page belongs to; -1: none. */
  indexOf(node: Node | null): number {
    for (const [index, row] of this.rows) if (row.contains(node)) return index;
    return -1;
  }

  /** The row at a height of the window, also beyond the edges. */
  indexAt(clientY: number): number {
    const y = clientY - this.scroller.getBoundingClientRect().top + this.reach.top - this.around / 2;
    return Math.max(0, Math.min(this.count - 1, Math.floor(y / this.rowHeight)));
  }

  scrollBy(pixels: number): void {
    this.goTo(this.reach.top + pixels);
    this.draw();
  }

  private measure(): void {
    this.view = this.scroller.clientHeight;
    if (this.view)
      this.around = Math.max(0, this.sizer.offsetTop + parseFloat(getComputedStyle(this.sizer).marginBottom || "0"));
    this.size();
  }

  private size(): void {
    this.reach.resize(this.count * this.rowHeight + this.around, this.view);
    this.sizer.style.height = `${this.reach.height - this.around}px`;
  }

  private goTo(top: number): void {
    this.scroller.scrollTop = this.reach.goTo(top);
    this.reach.settled(this.scroller.scrollTop);
  }

  private scrolled(): void {
    if (this.reach.scrolled(this.scroller.scrollTop)) this.settle();
    else {
      window.clearTimeout(this.rest);
      this.rest = window.setTimeout(() => this.settle(), REST_MS);
    }
    this.later();
  }

  private settle(): void {
    const wanted = this.reach.astray();
    if (wanted === null) return;
    this.scroller.scrollTop = wanted;
    this.reach.settled(this.scroller.scrollTop);
    this.draw();
  }

  private later(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw(): void {
    const first = Math.max(0, Math.floor(this.reach.top / this.rowHeight) - OVERSCAN);
    const last = Math.min(this.count, Math.ceil((this.reach.top + this.view) / this.rowHeight) + OVERSCAN);
    for (const [index, row] of this.rows) {
      if (index < first || index >= last) {
        this.rows.delete(index);
        row.remove();
        this.spare.push(row);
      }
    }
    if (this.offset !== this.reach.offset) {
      this.offset = this.reach.offset;
      for (const [index, row] of this.rows) this.place(index, row);
    }
    // Rows stand in their order, for whoever reads or marks the page.
    let next: HTMLElement | null = null;
    for (let index = last - 1; index >= first; index -= 1) {
      let row = this.rows.get(index);
      if (!row) {
        row = this.source.render(index, this.spare.pop() ?? null);
        this.place(index, row);
        this.rows.set(index, row);
        this.sizer.insertBefore(row, next);
      }
      next = row;
    }
    this.spare = this.spare.slice(0, 80);
    this.source.shown?.(first, last);
  }

  private place(index: number, row: HTMLElement): void {
    row.style.top = `${index * this.rowHeight - this.offset}px`;
  }
}
