/** The state of a part of the page whose content is loaded: a skeleton, a failure, automatic retries. */

import { loadFailure } from "../behaviours/load-failure";
import { element } from "../dom";
import { requestErrorText } from "../graph/load";
import { gettext } from "../words/i18n";
import { isRetryable, retries as pageRetries } from "../live/retries";

/** The skeleton appears after this delay, so that a quick load does not flicker. */
const SKELETON_MS = 200;

export class LoadingState {
  private readonly skeleton = element("div", "loading-rows", ...Array.from({ length: 5 }, () => element("i")));
  private failure: HTMLElement | null = null;
  private skeletonTimer = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly title: string,
    private readonly load: () => void,
    private readonly retries = pageRetries,
  ) {
    this.skeleton.setAttribute("role", "status");
    this.skeleton.append(element("span", "sr", gettext("Loading")));
  }

  /** Loading has started. A failure of the last try stays visible until there is an answer. */
  begin(): void {
    this.retries.forget(this.load);
    if (!this.failure && !this.skeletonTimer)
      this.skeletonTimer = window.setTimeout(() => this.host.append(this.skeleton), SKELETON_MS);
  }

  /** The content is there. */
  done(): void {
    this.retries.answered(this.load);
    this.clear();
  }

  private clear(): void {
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
    this.clear();
    this.failure = loadFailure(this.title, why, isRetryable(error) ? this.load : null);
    this.failure.classList.add("load-failure");
    this.failure.dataset["why"] = why;
    this.host.append(this.failure);
  }

  /** Loads again later, unless that is pointless. */
  retryLater(error: unknown): void {
    this.retries.failed(error, this.load);
  }
}
