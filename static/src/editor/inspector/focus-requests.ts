/** Requests to show a field of the inspector and to focus it. The field that shows the path takes the request. */

import { isTyping } from "../../dom";
import type { Path } from "../../document/changes";

export interface FocusRequest {
  readonly path: Path;
  readonly line: number | null;
}

export class FocusRequests {
  private now: FocusRequest | null = null;
  /** The focused element when the request was made. */
  private at: Element | null = null;
  /** Whether the user pressed a key or a mouse button since. */
  private pressed = false;
  private readonly listeners = new Set<() => void>();
  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly current = (): FocusRequest | null => this.now;

  constructor() {
    for (const name of ["keydown", "pointerdown"])
      document.addEventListener(name, () => (this.pressed = true), { capture: true });
  }

  request(request: FocusRequest): void {
    this.now = request;
    this.at = document.activeElement;
    this.pressed = false;
    for (const listener of [...this.listeners]) listener();
  }

  done(): void {
    this.now = null;
  }

  /** Whether the user began to type in another field since the request: the focus stays there. */
  get isLate(): boolean {
    const now = document.activeElement;
    return this.pressed && now !== this.at && isTyping(now);
  }
}
