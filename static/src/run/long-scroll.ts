/** The scroll position of a list that may be taller than a browser can lay out. Pure.
 *
 * Chromium's limit is 33 million pixels, Firefox's 17. Above `HEIGHT_MAX` the element is shorter than the list: small steps
 * (wheel, keys, touch) scroll the list by the same distance, large ones (the scroll bar) in proportion. The difference that
 * builds up is corrected once scrolling has stopped, or at once at an end of the element, without moving the list.
 */

const HEIGHT_MAX = 8_000_000;
/** Steps up to this size come from wheel or keys; a pixel of the scroll bar is far more. */
const SMALL_STEP = 4_000;

export class LongScroll {
  /** Height of the list, and of its visible part. */
  private total = 0;
  private view = 0;
  private at = 0;
  private scrolledTo = 0;

  constructor(private readonly max = HEIGHT_MAX) {}

  /** Height of the element. */
  get height(): number {
    return Math.min(this.total, this.max);
  }
  /** Position in the list of the upper edge. */
  get top(): number {
    return this.at;
  }
  get end(): number {
    return Math.max(0, this.total - this.view);
  }
  /** Difference between a position in the list and in the element. */
  get offset(): number {
    return this.at - this.scrolledTo;
  }
  get atEnd(): boolean {
    return this.at >= this.end - 1;
  }

  private get ratio(): number {
    return this.total <= this.max ? 1 : this.end / Math.max(1, this.max - this.view);
  }

  /** The size of the list or of its visible part has changed. */
  resize(total: number, view: number): void {
    this.total = total;
    this.view = view;
    this.at = Math.min(this.at, this.end);
    if (this.ratio === 1) this.at = Math.min(this.scrolledTo, this.end);
  }

  /** The element was scrolled; returns whether it must be corrected at once. */
  scrolled(scrollTop: number): boolean {
    const delta = scrollTop - this.scrolledTo;
    this.scrolledTo = scrollTop;
    if (this.ratio === 1) this.at = scrollTop;
    else if (Math.abs(delta) > Math.max(SMALL_STEP, 2 * this.view)) this.at = scrollTop * this.ratio;
    else this.at += delta;
    this.at = Math.max(0, Math.min(this.at, this.end));
    return this.ratio !== 1 && (scrollTop <= 0 ? this.at > 0 : scrollTop >= this.height - this.view && !this.atEnd);
  }

  /** Goes to a position in the list; returns the position to scroll the element to. Then call `corrected`. */
  goTo(top: number): number {
    this.at = Math.max(0, Math.min(top, this.end));
    return this.at / this.ratio;
  }

  /** The position to scroll the element to, so that it is in proportion again; null: it is. */
  correction(): number | null {
    const wanted = this.at / this.ratio;
    return this.ratio !== 1 && Math.abs(wanted - this.scrolledTo) > 1 ? wanted : null;
  }

  /** The element was scrolled by a correction: the list keeps its position. */
  corrected(scrollTop: number): void {
    this.scrolledTo = scrollTop;
    if (this.ratio === 1) this.at = Math.min(scrollTop, this.end);
  }
}
