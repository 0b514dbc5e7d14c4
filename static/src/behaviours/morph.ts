/** Brings a part of the page to what the server says now, changing only what differs.
 *
 * Elements are matched by id or data-key, else by place. Open popovers and dialogs, the field in use and what is
 * marked data-keep are left alone, so a live page never takes away what somebody is doing.
 */

export function morph(from: Element, to: Element): void {
  if (kept(from)) return;
  attributes(from, to);
  children(from, to);
}

function kept(element: Element): boolean {
  if (element.hasAttribute("data-keep")) return true;
  if (element.hasAttribute("popover") && element.matches(":popover-open")) return true;
  if (element instanceof HTMLDialogElement && element.open) return true;
  return element === document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

function attributes(from: Element, to: Element): void {
  // What the browser's own scripts have set in times and spans is theirs; the server's form of it is the same fact.
  for (const { name, value } of [...to.attributes])
    if (from.getAttribute(name) !== value && !own(from, name)) from.setAttribute(name, value);
  for (const { name } of [...from.attributes])
    if (!to.hasAttribute(name) && !own(from, name)) from.removeAttribute(name);
}

function own(element: Element, name: string): boolean {
  // What is open is the reader's choice, once it stands in the page.
  if (name === "open" && element instanceof HTMLDetailsElement) return true;
  return (
    name === "data-full" ||
    (name === "title" && element.tagName === "TIME") ||
    name === "data-loaded" ||
    (name === "style" && element.hasAttribute("popover"))
  );
}

function keyOf(node: Node): string | null {
  return node instanceof Element ? node.id || node.getAttribute("data-key") : null;
}

function children(from: Element, to: Element): void {
  if (from.matches("time[data-form]") && from.getAttribute("datetime") === to.getAttribute("datetime")) return;
  if (from.matches("[data-until]") && from.getAttribute("data-until") === to.getAttribute("data-until")) return;
  if (from.matches("[data-since]") && from.getAttribute("data-since") === to.getAttribute("data-since")) return;
  const keyed = new Map<string, Element>();
  for (const child of from.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let at: ChildNode | null = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = keyOf(wanted);
    const match = key ? (keyed.get(key) ?? null) : null;
    if (match && match.tagName === (wanted as Element).tagName) {
      if (match === pastSpace(at, match)) at = match.nextSibling;
      else from.insertBefore(match, at);
      morph(match, wanted as Element);
      keyed.delete(key ?? "");
      continue;
    }
    if (!key && at && !keyOf(at) && sameKind(at, wanted)) {
      const next: ChildNode | null = at.nextSibling;
      if (at instanceof Element) morph(at, wanted as Element);
      else if (at.nodeValue !== wanted.nodeValue) at.nodeValue = wanted.nodeValue;
      at = next;
      continue;
    }
    from.insertBefore(document.importNode(wanted, true), at);
  }
  while (at) {
    const next: ChildNode | null = at.nextSibling;
    if (!(at instanceof Element) || !kept(at)) at.remove();
    at = next;
  }
}

/** What comes from `at` on when white space is left out, as far as `wanted`: an element that is moved loses the focus, and
 * that a template begins with a line's end is no reason for it. */
function pastSpace(at: ChildNode | null, wanted: Element): ChildNode | null {
  let here = at;
  while (here && here !== wanted && here instanceof Text && !here.data.trim()) here = here.nextSibling;
  return here;
}

function sameKind(a: Node, b: Node): boolean {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName;
}
