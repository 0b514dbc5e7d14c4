/** Popovers at their button, loaded when they open, and dialogs for long forms.
 *
 *   <button popovertarget="x">  <div id="x" popover data-anchor="end" data-load="/part/">…</div>
 *   <a href="/page/" data-dialog="/page/">    opens the page's form in a dialog; without scripts it is a link
 */

import htmx from "htmx.org";
import { element, one } from "../dom";
import { gettext } from "../words/i18n";
import { toast } from "./toast";

/** A dialog that takes longer is shown before what it is for. */
const PATIENCE_MS = 200;
const GAP = 6;
const EDGE = 8;
/** What must be done before a popover or dialog that says data-needs-save loads: the editor saves its draft. */
let before: () => Promise<void> = () => Promise.resolve();

export function beforeOpening(run: () => Promise<void>): void {
  before = run;
}

function place(popover: HTMLElement, button: Element): void {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  const left = popover.dataset["anchor"] === "end" ? at.right - width : at.left;
  const below = at.bottom + GAP;
  const top =
    below + height > window.innerHeight - EDGE && at.top - GAP - height > EDGE ? at.top - GAP - height : below;
  popover.style.left = `${Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE))}px`;
  popover.style.top = `${Math.max(EDGE, Math.min(top, window.innerHeight - height - EDGE))}px`;
}

function why(error: unknown): string {
  return error instanceof Error ? error.message : gettext("Offline: this did not reach the server.");
}

function buttonOf(popover: HTMLElement): Element | null {
  return one(`[popovertarget="${CSS.escape(popover.id)}"]`);
}

async function load(popover: HTMLElement, address: string): Promise<void> {
  const known = popover.firstElementChild;
  try {
    if (popover.hasAttribute("data-needs-save")) await before();
    await htmx.ajax("get", address, { source: popover, target: popover, swap: "innerHTML" });
    // What says that it is on its way must not stand there for ever.
    const shown = popover.firstElementChild;
    if (!shown || (shown === known && !one("form, button", popover)))
      throw new Error(gettext("The server did not answer this. Close it, and try again."));
  } catch (error) {
    popover.replaceChildren(element("p", "wrong", why(error)));
    return;
  }
  const button = buttonOf(popover);
  if (button && popover.matches(":popover-open")) {
    place(popover, button);
    one<HTMLElement>("[autofocus]", popover)?.focus();
  }
}

/** The dialog that is on its way: asked for twice, it opens once. */
let opening: { readonly address: string; readonly dialog: HTMLDialogElement } | null = null;

export async function openDialog(address: string): Promise<void> {
  if (opening?.address === address) return;
  const dialog = element("dialog");
  opening = { address, dialog };
  const loading = element("div", "pad meta", gettext("Loading …"));
  dialog.append(loading);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  const late = window.setTimeout(() => dialog.showModal(), PATIENCE_MS);
  const settle = (): void => {
    window.clearTimeout(late);
    if (opening?.dialog === dialog) opening = null;
  };
  dialog.addEventListener("close", () => {
    settle();
    dialog.remove();
  });
  try {
    // Its own source: requests of one source wait for each other, and but the last of those is dropped.
    await htmx.ajax("get", address, { source: dialog, target: dialog, swap: "innerHTML" });
  } catch {
    // The page has said that this did not reach the server.
    dialog.remove();
    return;
  } finally {
    settle();
  }
  // Closed while it loaded, it stays closed.
  if (!dialog.isConnected) return;
  if (dialog.contains(loading)) {
    // The server refused, which the page has said too.
    dialog.remove();
    return;
  }
  if (!dialog.open) dialog.showModal();
  one<HTMLElement>("[autofocus], input:not([type=hidden]), select, textarea, button", dialog)?.focus();
}

export function startPopovers(): void {
  document.addEventListener(
    "beforetoggle",
    (event) => {
      const popover = event.target;
      if (
        !(popover instanceof HTMLElement) ||
        !popover.hasAttribute("popover") ||
        (event as ToggleEvent).newState !== "open"
      )
        return;
      const address = popover.dataset["load"];
      if (address) void load(popover, address);
      // Placed in the frame in which it appears, so it never shows elsewhere first.
      requestAnimationFrame(() => {
        const button = buttonOf(popover);
        if (button) place(popover, button);
        one<HTMLElement>("[autofocus]", popover)?.focus();
      });
    },
    true,
  );
  const replace = (): void => {
    for (const popover of document.querySelectorAll<HTMLElement>("[popover]:popover-open")) {
      const button = buttonOf(popover);
      if (button) place(popover, button);
    }
  };
  window.addEventListener("resize", replace);
  window.addEventListener("scroll", replace, { passive: true, capture: true });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const close = event.target.closest("[data-close]");
    if (close) {
      const popover = close.closest<HTMLElement>("[popover]");
      const dialog = close.closest("dialog");
      if (popover) popover.hidePopover();
      else if (dialog) dialog.close();
      if (popover || dialog) event.preventDefault();
      return;
    }
    const opens = event.target.closest<HTMLElement>("[data-dialog]");
    const address = opens?.dataset["dialog"];
    if (opens && address && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const wait = opens.hasAttribute("data-needs-save") ? before() : Promise.resolve();
      wait.then(
        () => openDialog(address),
        (error: unknown) => toast(why(error), "error"),
      );
    }
  });
}
