/** Brings a part of the page up to date with HTML of the server, changing only what differs.
 *
 * Elements are matched by id or data-key. What the reader is using is left alone: open popovers and dialogs, the focused
 * field, what the reader opened or closed, and whatever is marked data-keep. What the server sends with that mark has an id
 * or data-key; elements that the browser added get an id here, so that none is matched with an element of the server.
 */

import { Idiomorph } from "idiomorph";

/** Attributes with a date that the browser shows as text; while the date stays the same, that text stays too. */
const SHOWN_DATES = ["datetime", "data-until", "data-since"];

let kept = 0;

export function morph(from: HTMLElement, to: HTMLElement): void {
  for (const root of [from, to]) idsFromKeys(root);
  for (const element of from.querySelectorAll("[data-keep]:not([id])")) element.id = `kept-${(kept += 1)}`;
  void Idiomorph.morph(from, to, {
    callbacks: {
      beforeNodeMorphed: (old: Node, fresh: Node) =>
        !(old instanceof Element && fresh instanceof Element) || mayMorph(old, fresh),
      beforeNodeRemoved: (node: Node) => !(node instanceof Element && isInUse(node)),
      beforeAttributeUpdated: (name: string, element: Element) => !isSetByBrowser(name, element),
    },
  });
}

/** Idiomorph knows ids only. */
function idsFromKeys(root: Element): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-key]:not([id])"))
    element.id = `key-${element.dataset["key"]}`;
}

function mayMorph(old: Element, fresh: Element): boolean {
  if (isInUse(old)) return false;
  if (SHOWN_DATES.some((name) => old.hasAttribute(name) && old.getAttribute(name) === fresh.getAttribute(name)))
    fresh.textContent = old.textContent;
  return true;
}

function isInUse(element: Element): boolean {
  if (element.hasAttribute("data-keep")) return true;
  if (element.hasAttribute("popover") && element.matches(":popover-open")) return true;
  if (element instanceof HTMLDialogElement && element.open) return true;
  return element === document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

function isSetByBrowser(name: string, element: Element): boolean {
  return (
    name === "data-full" ||
    name === "data-loaded" ||
    (name === "title" && element.tagName === "TIME") ||
    (name === "style" && element.hasAttribute("popover")) ||
    (name === "open" && element instanceof HTMLDetailsElement)
  );
}
