/** What stands in a part of the page while its content is on its way, and when it cannot be had. */

import { ApiError } from "../api/client";
import { loadFailure } from "../behaviours/load-failure";
import { element } from "../dom";
import { gettext } from "../words/i18n";

/** Grey rows come only when it takes longer: what is quick must not flicker. */
const ROWS_MS = 200;

/** Why something could not be read, in words for people. */
export function whyNot(error: unknown): string {
  if (!(error instanceof ApiError)) return gettext("Can't reach the server.");
  if (error.status === 401) return error.message;
  if (error.status === 404) return gettext("This run was deleted.");
  return gettext("The server answered with a fault. Its log says more.");
}

/** Whether another try can bring it: what was deleted does not come back. */
export function mayCome(error: unknown): boolean {
  return !(error instanceof ApiError && error.status === 404);
}

export class Coming {
  private readonly rows = element("div", "coming", ...Array.from({ length: 5 }, () => element("i")));
  private failure: HTMLElement | null = null;
  private timer = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly title: string,
    private readonly again: () => void,
  ) {
    this.rows.setAttribute("role", "status");
    this.rows.append(element("span", "sr", gettext("Loading")));
  }

  /** It was asked for. What was said of the last try stays until there is an answer. */
  begin(): void {
    if (!this.failure && !this.timer) this.timer = window.setTimeout(() => this.host.append(this.rows), ROWS_MS);
  }

  /** It is there. */
  done(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.rows.remove();
    this.failure?.remove();
    this.failure = null;
  }

  failed(error: unknown, why = whyNot(error)): void {
    // Said once, however often it is tried.
    if (this.failure?.dataset["why"] === why) return;
    this.done();
    this.failure = loadFailure(this.title, why, mayCome(error) ? this.again : null);
    this.failure.classList.add("comes");
    this.failure.dataset["why"] = why;
    this.host.append(this.failure);
  }
}
