/** The state of a part of the page whose content is loaded: a skeleton, a failure, automatic retries. */

import { ApiError } from "../api/client";
import { loadFailure } from "../behaviours/load-failure";
import { element } from "../dom";
import { requestErrorText } from "../graph/load";
import { gettext } from "../words/i18n";

/** The skeleton appears after this delay, so that a quick load does not flicker. */
const SKELETON_MS = 200;
const RETRY_MS = 3000;

/** Returns whether another try may succeed: what was deleted does not come back. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof ApiError && error.status === 404);
}

export class LoadingState {
  private readonly skeleton = element("div", "loading-rows", ...Array.from({ length: 5 }, () => element("i")));
  private failure: HTMLElement | null = null;
  private skeletonTimer = 0;
  private retryTimer = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly title: string,
    private readonly load: () => void,
  ) {
    this.skeleton.setAttribute("role", "status");
    this.skeleton.append(element("span", "sr", gettext("Loading")));
  }

  /** Loading has started. A failure of the last try stays visible until there is an answer. */
  begin(): void {
    window.clearTimeout(this.retryTimer);
    if (!this.failure && !this.skeletonTimer)
      this.skeletonTimer = window.setTimeout(() => this.host.append(this.skeleton), SKELETON_MS);
  }

  /** The content is there. */
  done(): void {
    window.clearTimeout(this.retryTimer);
    window.clearTimeout(this.skeletonTimer);
    this.skeletonTimer = 0;
    this.skeleton.remove();
    this.failure?.remove();
    this.failure = null;
  }

  /** Shows why loading failed. */
  failed(error: unknown, why = requestErrorText(error)): void {
    // An unchanged failure is not announced again.
    if (this.failure?.dataset["why"] === why) return;
    this.done();
    this.failure = loadFailure(this.title, why, isRetryable(error) ? this.load : null);
    this.failure.classList.add("load-failure");
    this.failure.dataset["why"] = why;
    this.host.append(this.failure);
  }

  /** Loads again in a moment. */
  retryLater(): void {
    window.clearTimeout(this.retryTimer);
    this.retryTimer = window.setTimeout(this.load, RETRY_MS);
  }
}
