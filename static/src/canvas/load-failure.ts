/** The message shown in place of a graph that could not be loaded. */

import { loadFailure } from "../behaviours/load-failure";
import { gettext } from "../words/i18n";

/** Shows why the graph could not be loaded, with a button to try again. */
export function showGraphFailure(host: HTMLElement, why: string, again: () => void): void {
  const shown = loadFailure(gettext("The graph could not be loaded"), why, () => {
    shown.remove();
    again();
  });
  shown.classList.add("cvfailure");
  host.replaceChildren(shown);
}
