/** Popovers, which are placed at their button and loaded when they open, and dialogs for long forms.
 *
 *   <button popovertarget="x">  <div id="x" popover data-anchor="end" data-load="/part/">…</div>
 *   <a href="/page/" data-dialog="/page/">    opens the page's form in a dialog; without scripts it is a link
 */

import htmx from "htmx.org";
import { errorText } from "../api/client";
import { element, one } from "../dom";
import { gettext } from "../words/i18n";
import { toast } from "./toast";

/** A dialog whose content takes longer to load is shown with a loading message. */
const DIALOG_SHOWN_AFTER_MS = 200;
const GAP = 6;
const EDGE = 8;
/** Awaited before a popover or dialog with data-needs-save loads: the editor saves its draft. */
let beforeLoad: () => Promise<void> = () => Promise.resolve();

export function setBeforeLoad(run: () => Promise<void>): void {
  beforeLoad = run;
}

function placeAt(popover: HTMLElement, button: Element): void {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  const left = popover.dataset["anchor"] === "end" ? at.right - width : at.left;
  const below = at.bottom + GAP;
  const top =
    below + height > window.innerHeight - EDGE && at.top - GAP - height > EDGE ? at.top - GAP - height : below;
  popover.style.left = `${Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE))}px`;
  popover.style.top = `${Math.max(EDGE, Math.min(top, window.innerHeight - height - EDGE))}px`;
}

function buttonOf(popover: HTMLElement): Element | null {
  return one(`[popovertarget="${CSS.escape(popover.id)}"]`);
}

async function load(popover: HTMLElement, address: string): Promise<void> {
  const placeholder = popover.firstElementChild;
  try {
    if (popover.hasAttribute("data-needs-save")) await beforeLoad();
    await htmx.ajax("get", address, { source: popover, target: popover, swap: "innerHTML" });
    // The loading message must not stay for ever.
    const shown = popover.firstElementChild;
    if (!shown || (shown === placeholder && !one("form, button", popover)))
      throw new Error(gettext("The server did not respond. Close this and try again."));
  } catch (error) {
    popover.replaceChildren(element("p", "wrong", errorText(error)));
    return;
  }
  const button = buttonOf(popover);
  if (button && popover.matches(":popover-open")) {
    placeAt(popover, button);
    focusIn(popover);
  }
}

/** Focus what is marked for it, unless somebody has moved on to another field or button of the popover. */
function focusIn(popover: HTMLElement): void {
  if (!popover.contains(document.activeElement)) one("[autofocus]", popover)?.focus();
}

/** The dialog that is loading, so that a second request for it opens no second one. */
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
  const late = window.setTimeout(() => dialog.showModal(), DIALOG_SHOWN_AFTER_MS);
  const settle = (): void => {
    window.clearTimeout(late);
    if (opening?.dialog === dialog) opening = null;
  };
  dialog.addEventListener("close", () => {
    settle();
    dialog.remove();
  });
  try {
    // The dialog is its own source: of several queued requests with one source, htmx sends only the last.
    await htmx.ajax("get", address, { source: dialog, target: dialog, swap: "innerHTML" });
  } catch {
    // htmx:sendError has shown a message.
    dialog.remove();
    return;
  } finally {
    settle();
  }
  // It was closed while it loaded.
  if (!dialog.isConnected) return;
  if (dialog.contains(loading)) {
    // The server refused; htmx:responseError has shown a message.
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
      if (!(popover instanceof HTMLElement) || !popover.hasAttribute("popover") || event.newState !== "open") return;
      const address = popover.dataset["load"];
      if (address) void load(popover, address);
      // Place it in the frame in which it appears, so that it never shows elsewhere first.
      requestAnimationFrame(() => {
        const button = buttonOf(popover);
        if (button) placeAt(popover, button);
        focusIn(popover);
      });
    },
    true,
  );
  const placeAgain = (): void => {
    for (const popover of document.querySelectorAll<HTMLElement>("[popover]:popover-open")) {
      const button = buttonOf(popover);
      if (button) placeAt(popover, button);
    }
  };
  window.addEventListener("resize", placeAgain);
  window.addEventListener("scroll", placeAgain, { passive: true, capture: true });
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
      const wait = opens.hasAttribute("data-needs-save") ? beforeLoad() : Promise.resolve();
      wait.then(
        () => openDialog(address),
        (error: unknown) => toast(errorText(error), "error"),
      );
    }
  });
}
