/** What stands in the place of a graph that could not be loaded. */

import { loadFailure } from "../behaviours/load-failure";
import { gettext } from "../words/i18n";

/** Says why there is no graph, and offers to try again. */
export function failure(host: HTMLElement, why: string, again: () => void): void {
  const shown = loadFailure(gettext("The graph could not be loaded"), why, () => {
    shown.remove();
    again();
  });
  shown.classList.add("cvfailure");
  host.replaceChildren(shown);
}
