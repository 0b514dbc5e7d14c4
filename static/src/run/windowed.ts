/** A list of rows of one height of which only those in view are in the page. */

export interface Source {
  /** Makes or fills the row at `index`; `row` is one that was out of view, to be used again. */
  render(index: number, row: HTMLElement | null): HTMLElement;
}

const OVERSCAN = 12;

export class Windowed {
  private count = 0;
  private readonly shown = new Map<number, HTMLElement>();
  private spare: HTMLElement[] = [];
  private frame = 0;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly sizer: HTMLElement,
    private readonly source: Source,
    private rowHeight: number,
  ) {
    scroller.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.later()).observe(scroller);
  }

  setRowHeight(height: number): void {
    if (height === this.rowHeight) return;
    this.rowHeight = height;
    this.reset(this.count);
  }

  /** All rows may be different ones: everything is drawn anew. */
  reset(count: number): void {
    for (const row of this.shown.values()) {
      row.remove();
      this.spare.push(row);
    }
    this.shown.clear();
    this.setCount(count);
    this.draw();
  }

  /** Rows were added at the end, or taken from there; those that stay are the same. */
  setCount(count: number): void {
    this.count = count;
    this.sizer.style.height = `${count * this.rowHeight}px`;
    this.later();
  }

  /** The row at `index` has changed; nothing happens when it is not in view. */
  changed(index: number): void {
    const row = this.shown.get(index);
    if (row) this.source.render(index, row);
  }

  reveal(index: number): void {
    const top = index * this.rowHeight;
    const head = this.sizer.offsetTop;
    if (top + head < this.scroller.scrollTop + head) this.scroller.scrollTop = top;
    else if (top + head + this.rowHeight > this.scroller.scrollTop + this.scroller.clientHeight) {
      this.scroller.scrollTop = top + head + this.rowHeight - this.scroller.clientHeight;
    }
    this.draw();
  }

  toEnd(): void {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.draw();
  }

  get atEnd(): boolean {
    return this.scroller.scrollTop + this.scroller.clientHeight >= this.scroller.scrollHeight - this.rowHeight;
  }

  private later(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw(): void {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.rowHeight) - OVERSCAN);
    const last = Math.min(this.count, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / this.rowHeight) + OVERSCAN);
    for (const [index, row] of this.shown) {
      if (index < first || index >= last) {
        this.shown.delete(index);
        row.remove();
        this.spare.push(row);
      }
    }
    for (let index = first; index < last; index += 1) {
      if (this.shown.has(index)) continue;
      const row = this.source.render(index, this.spare.pop() ?? null);
      row.style.top = `${index * this.rowHeight}px`;
      this.shown.set(index, row);
      this.sizer.append(row);
    }
    this.spare = this.spare.slice(0, 80);
  }
}
