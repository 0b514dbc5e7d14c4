/** The frame of a drawer at the foot of a page: as high as it was last left, by mouse or keyboard, and folded to its tabs.
 *
 *   <main style: --drawer is set here>  <section class="drawer">
 *     <div class="drawgrip" role="separator" tabindex="0" data-drawer-grip>
 *     <div class="drawbar"><div role="tablist">… <button role="tab" data-drawer="logs">…</div><button data-drawer-fold>…
 */

import { all, one, setAttribute } from "../dom";
import { remember, remembered } from "./preferences";

export interface FrameOptions {
  /** Under these the height and whether it is folded are kept in the browser. */
  readonly heightKey: string;
  readonly foldedKey: string;
  /** Height until somebody changes it. */
  readonly usual: number;
  /** Shows the part of this name. */
  show(name: string): void;
}

const LEAST = 120;
/** What stays of what is above it, with the page's head. */
const ABOVE = 220;
const STEP = 24;

export class DrawerFrame {
  private height: number;
  private folded = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly options: FrameOptions,
  ) {
    this.height = options.usual;
    for (const tab of this.tabs) tab.addEventListener("click", () => options.show(tab.dataset["drawer"] ?? ""));
    one('.drawbar [role="tablist"]', root)?.addEventListener("keydown", (event) => this.key(event));
    one("[data-drawer-fold]", root)?.addEventListener("click", () => this.fold(!this.folded));
    this.grip();
    this.resize(Number(remembered(options.heightKey)) || options.usual);
    this.fold(remembered(options.foldedKey) === "1");
  }

  get tabs(): HTMLElement[] {
    return all("[data-drawer]", this.root);
  }

  get isFolded(): boolean {
    return this.folded;
  }

  fold(folded: boolean): void {
    if (folded === this.folded) return;
    this.folded = folded;
    this.root.classList.toggle("folded", folded);
    setAttribute(one("[data-drawer-fold]", this.root), "aria-expanded", String(!folded));
    remember(this.options.foldedKey, folded ? "1" : "");
  }

  /** Marks the tab of the part that is shown. */
  mark(name: string): void {
    for (const tab of this.tabs) {
      const on = tab.dataset["drawer"] === name;
      setAttribute(tab, "aria-selected", String(on));
      setAttribute(tab, "tabindex", on ? "0" : "-1");
    }
  }

  private key(event: KeyboardEvent): void {
    const tabs = this.tabs.filter((tab) => !tab.hidden);
    const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    this.options.show(tab?.dataset["drawer"] ?? "");
    tab?.focus();
  }

  private get most(): number {
    return Math.max(LEAST, window.innerHeight - ABOVE);
  }

  private resize(height: number): void {
    this.height = Math.round(Math.max(LEAST, Math.min(height, this.most)));
    this.root.style.setProperty("--drawer", `${this.height}px`);
    const grip = one("[data-drawer-grip]", this.root);
    setAttribute(grip, "aria-valuenow", String(this.height));
    setAttribute(grip, "aria-valuemin", String(LEAST));
    setAttribute(grip, "aria-valuemax", String(this.most));
  }

  private grip(): void {
    const grip = one("[data-drawer-grip]", this.root);
    if (!grip) return;
    const { heightKey } = this.options;
    let from: { readonly y: number; readonly height: number } | null = null;
    grip.addEventListener("pointerdown", (event) => {
      from = { y: event.clientY, height: this.folded ? LEAST : this.height };
      grip.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    grip.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.fold(false);
      this.resize(from.height + from.y - event.clientY);
    });
    const done = (): void => {
      if (from) remember(heightKey, String(this.height));
      from = null;
    };
    grip.addEventListener("pointerup", done);
    grip.addEventListener("pointercancel", done);
    grip.addEventListener("dblclick", () => this.fold(!this.folded));
    grip.addEventListener("keydown", (event) => {
      const to = { ArrowUp: this.height + STEP, ArrowDown: this.height - STEP, Home: LEAST, End: this.most }[event.key];
      if (event.key === "Enter") this.fold(!this.folded);
      else if (to !== undefined) {
        this.fold(false);
        this.resize(to);
        remember(heightKey, String(this.height));
      } else return;
      event.preventDefault();
    });
    window.addEventListener("resize", () => this.resize(this.height));
  }
}
