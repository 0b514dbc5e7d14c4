/** Keyboard shortcuts of every page: ? help, Ctrl K command palette, / search, G then O W R P A go to, E edit, R run. */

import { one, isTyping } from "../dom";

const GO: Readonly<Record<string, string>> = { o: "/", w: "/workflows/", r: "/runs/", p: "/resources/", a: "/audit/" };

export function startPageKeys(openPalette: () => void): void {
  let goUntil = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.isComposing ||
      isTyping(event.target)
    )
      return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (event.timeStamp < goUntil) {
      goUntil = 0;
      const address = GO[key];
      if (address) {
        event.preventDefault();
        location.assign(address);
        return;
      }
    }
    // Measured by the event's own time: a busy page handles it late.
    if (key === "g") goUntil = event.timeStamp + 1200;
    else if (event.key === "?") one<HTMLDialogElement>("#help")?.showModal();
    else if (key === "/") {
      const field = one<HTMLElement>("[data-search]");
      if (!field) return;
      field.focus();
      if (field instanceof HTMLInputElement) field.select();
    } else if (key === "e") one<HTMLElement>("[data-key-edit]")?.click();
    else if (key === "r") {
      const run = one<HTMLElement>("[data-key-run]");
      if (!run || run.closest("[hidden]")) return;
      run.click();
    } else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-help]"))
      one<HTMLDialogElement>("#help")?.showModal();
  });
}
