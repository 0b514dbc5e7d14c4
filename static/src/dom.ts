/** Small DOM helpers. User text is inserted as text only; nothing here parses markup from a string. */

export function one<T extends Element = HTMLElement>(selector: string, root: ParentNode = document): T | null {
  return root.querySelector<T>(selector);
}

export function all<T extends Element = HTMLElement>(selector: string, root: ParentNode = document): T[] {
  return [...root.querySelectorAll<T>(selector)];
}

/** Sets the text unless it is set already: writing the same text again would cause a layout. */
export function setText(target: Element | null, text: string): void {
  if (target && target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element | null, name: string, value: string): void {
  if (target && target.getAttribute(name) !== value) target.setAttribute(name, value);
}

export function setHidden(target: HTMLElement | null, hidden: boolean): void {
  if (target && target.hidden !== hidden) target.hidden = hidden;
}

const SVG = "http://www.w3.org/2000/svg";

/** Creates an icon from the page's sprite. */
export function icon(name: string, small = false): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", small ? "i s" : "i");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Creates the note shown where there is no content: an icon, a title and a sentence. */
export function emptyNote(name: string, title: string, text: string): HTMLDivElement {
  return element("div", "empty small", icon(name), element("b", "", title), element("p", "", text));
}

/** Returns whether the target is a field that takes typed text. */
export function isTyping(target: EventTarget | null): boolean {
  // When a dialog closes, its field keeps the focus until the next frame.
  if (target instanceof Element && target.closest("dialog:not([open])")) return false;
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Returns a function that calls `run` at most once per `ms`; the last call is never dropped. */
export function throttled(ms: number, run: () => void): () => void {
  let timer = 0;
  let last = -Infinity;
  return () => {
    if (timer) return;
    const wait = Math.max(0, last + ms - performance.now());
    timer = window.setTimeout(() => {
      timer = 0;
      last = performance.now();
      run();
    }, wait);
  };
}

/** Returns a function that calls `run` once it has not been called for `ms`. */
export function debounced(ms: number, run: () => void): () => void {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(run, ms);
  };
}
