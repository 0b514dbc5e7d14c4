/** Tries failed requests of a page again: all of them together, after one wait that doubles up to 15 s. Nothing is tried
 * again after the server has refused the page for good.
 */

import { ApiError } from "../api/client";
import { backoff } from "./socket";

/** Returns whether another try may succeed: not when the request itself was refused. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.status === 408 || error.status === 429;
}

/** Returns whether the user is signed out or lost access, or what the page shows was deleted. */
const isRefusal = (error: unknown): boolean => error instanceof ApiError && [401, 403, 404].includes(error.status);

export class Retries {
  /** What failed and has not succeeded since. */
  private readonly failing = new Set<() => void>();
  private timer = 0;
  private tries = 0;
  private refused = false;

  constructor(private readonly random: () => number = Math.random) {}

  /** A request failed: `again` is called later, unless that is pointless. */
  failed(error: unknown, again: () => void): void {
    if (isRefusal(error)) this.stop();
    if (this.refused || !isRetryable(error)) {
      this.forget(again);
      return;
    }
    this.failing.add(again);
    if (this.timer) return;
    this.timer = window.setTimeout(() => this.fire(), 1000 * backoff(this.tries, this.random));
    this.tries += 1;
  }

  /** A request was answered. */
  answered(again: () => void): void {
    this.refused = false;
    this.forget(again);
    if (!this.failing.size) this.tries = 0;
  }

  /** The request is no longer wanted. */
  forget(again: () => void): void {
    this.failing.delete(again);
    if (this.failing.size) return;
    window.clearTimeout(this.timer);
    this.timer = 0;
  }

  /** Whether a request should not be sent now: its retry will come, or none would succeed. */
  waits(again: () => void): boolean {
    return this.refused || (this.timer !== 0 && this.failing.has(again));
  }

  /** The server can be reached again. */
  now(): void {
    this.tries = 0;
    if (this.timer) this.fire();
  }

  /** The server refuses the page for good. */
  stop(): void {
    this.refused = true;
    this.failing.clear();
    window.clearTimeout(this.timer);
    this.timer = 0;
  }

  private fire(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    for (const again of [...this.failing]) again();
  }
}

/** Those of this page. */
export const retries = new Retries();
