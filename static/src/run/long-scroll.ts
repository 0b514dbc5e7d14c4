/** Where a long list stands, also one that is taller than a browser can lay out. Pure.
 *
 * Chromium ends at 33 million pixels, Firefox at 17. Above `MAX` the element is less tall than the list: a small
 * movement (wheel, keys, touch) moves the list by as much, a large one (the scroll bar) in proportion. What the two then
 * differ by is put right when the scrolling rests, or at once at an end of the element; the list does not move by that.
 */

const MAX = 8_000_000;
/** Up to here a movement is a person's wheel or keys; a pixel of the scroll bar is far more. */
const STEP = 4_000;

export class Reach {
  /** Height of the list, and of what is seen of it. */
  private total = 0;
  private view = 0;
  private at = 0;
  private scrolledTo = 0;

  constructor(private readonly max = MAX) {}

  /** How tall the element is. */
  get height(): number {
    return Math.min(this.total, this.max);
  }
  /** What of the list is at the upper edge. */
  get top(): number {
    return this.at;
  }
  get end(): number {
    return Math.max(0, this.total - this.view);
  }
  /** What is to be taken from a place in the list to have the place in the element. */
  get offset(): number {
    return this.at - this.scrolledTo;
  }
  get atEnd(): boolean {
    return this.at >= this.end - 1;
  }

  private get ratio(): number {
    return this.total <= this.max ? 1 : this.end / Math.max(1, this.max - this.view);
  }

  /** The list or the element has another size. */
  resize(total: number, view: number): void {
    this.total = total;
    this.view = view;
    this.at = Math.min(this.at, this.end);
    if (this.ratio === 1) this.at = Math.min(this.scrolledTo, this.end);
  }

  /** The element was scrolled. Returns whether it is to be put right at once. */
  scrolled(scrollTop: number): boolean {
    const delta = scrollTop - this.scrolledTo;
    this.scrolledTo = scrollTop;
    if (this.ratio === 1) this.at = scrollTop;
    else if (Math.abs(delta) > Math.max(STEP, 2 * this.view)) this.at = scrollTop * this.ratio;
    else this.at += delta;
    this.at = Math.max(0, Math.min(this.at, this.end));
    return this.ratio !== 1 && (scrollTop <= 0 ? this.at > 0 : scrollTop >= this.height - this.view && !this.atEnd);
  }

  /** Goes to a place in the list. Returns where the element is to be scrolled to; `settled` says where it then was. */
  goTo(top: number): number {
    this.at = Math.max(0, Math.min(top, this.end));
    return this.at / this.ratio;
  }

  /** Where the element is to be scrolled to, so that both stand in proportion again; null: they do. */
  astray(): number | null {
    const wanted = this.at / this.ratio;
    return this.ratio !== 1 && Math.abs(wanted - this.scrolledTo) > 1 ? wanted : null;
  }

  /** The element was scrolled there by us: the list stands where it stood. */
  settled(scrollTop: number): void {
    this.scrolledTo = scrollTop;
    if (this.ratio === 1) this.at = Math.min(scrollTop, this.end);
  }
}
