/** The frame of a drawer at the foot of a page: it can be resized by mouse and keyboard and folded to its tabs.
 *
 *   <main style: --drawer is set here>  <section class="drawer">
 *     <div class="drawgrip" role="separator" tabindex="0" data-drawer-grip>
 *     <div class="drawbar"><div role="tablist">… <button role="tab" data-drawer="logs">…</div><button data-drawer-fold>…
 */

import { all, one, setAttribute } from "../dom";
import { savePreference, readPreference } from "./preferences";

interface DrawerFrameOptions {
  /** Preferences that keep the height, and whether the drawer is folded. */
  readonly heightKey: string;
  readonly foldedKey: string;
  /** Pixels. */
  readonly defaultHeight: number;
  /** Shows the part with this name. */
  show(name: string): void;
}

const MIN_HEIGHT = 120;
/** Pixels that stay for the content above it, the page's head included. */
const SPACE_ABOVE = 220;
const STEP = 24;

export class DrawerFrame {
  private height: number;
  private folded = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly options: DrawerFrameOptions,
  ) {
    this.height = options.defaultHeight;
    for (const tab of this.tabs) tab.addEventListener("click", () => options.show(tab.dataset["drawer"] ?? ""));
    one('.drawbar [role="tablist"]', root)?.addEventListener("keydown", (event) => this.onTabKey(event));
    one("[data-drawer-fold]", root)?.addEventListener("click", () => this.fold(!this.folded));
    this.grip();
    this.resize(Number(readPreference(options.heightKey)) || options.defaultHeight);
    this.fold(readPreference(options.foldedKey) === "1");
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
    savePreference(this.options.foldedKey, folded ? "1" : "");
  }

  /** Selects the tab of the part that is shown. */
  mark(name: string): void {
    for (const tab of this.tabs) {
      const on = tab.dataset["drawer"] === name;
      setAttribute(tab, "aria-selected", String(on));
      setAttribute(tab, "tabindex", on ? "0" : "-1");
    }
  }

  private onTabKey(event: KeyboardEvent): void {
    const tabs = this.tabs.filter((tab) => !tab.hidden);
    const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    this.options.show(tab?.dataset["drawer"] ?? "");
    tab?.focus();
  }

  private get maxHeight(): number {
    return Math.max(MIN_HEIGHT, window.innerHeight - SPACE_ABOVE);
  }

  private resize(height: number): void {
    this.height = Math.round(Math.max(MIN_HEIGHT, Math.min(height, this.maxHeight)));
    this.root.style.setProperty("--drawer", `${this.height}px`);
    const listenToGrip = one("[data-drawer-grip]", this.root);
    setAttribute(listenToGrip, "aria-valuenow", String(this.height));
    setAttribute(listenToGrip, "aria-valuemin", String(MIN_HEIGHT));
    setAttribute(listenToGrip, "aria-valuemax", String(this.maxHeight));
  }

  private grip(): void {
    const grip = one("[data-drawer-grip]", this.root);
    if (!grip) return;
    const { heightKey } = this.options;
    let from: { readonly y: number; readonly height: number } | null = null;
    grip.addEventListener("pointerdown", (event) => {
      from = { y: event.clientY, height: this.folded ? MIN_HEIGHT : this.height };
      grip.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    grip.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.fold(false);
      this.resize(from.height + from.y - event.clientY);
    });
    const done = (): void => {
      if (from) savePreference(heightKey, String(this.height));
      from = null;
    };
    grip.addEventListener("pointerup", done);
    grip.addEventListener("pointercancel", done);
    grip.addEventListener("dblclick", () => this.fold(!this.folded));
    grip.addEventListener("keydown", (event) => {
      const to = { ArrowUp: this.height + STEP, ArrowDown: this.height - STEP, Home: MIN_HEIGHT, End: this.maxHeight }[
        event.key
      ];
      if (event.key === "Enter") this.fold(!this.folded);
      else if (to !== undefined) {
        this.fold(false);
        this.resize(to);
        savePreference(heightKey, String(this.height));
      } else return;
      event.preventDefault();
    });
    window.addEventListener("resize", () => this.resize(this.height));
  }
}
