/** What stands in the place of a graph that could not be loaded. */

import { element, icon } from "../dom";
import { gettext } from "../words/i18n";

/** Says why there is no graph, and offers to try again. */
export function failure(host: HTMLElement, why: string, again: () => void): void {
  const button = element("button", "btn", gettext("Try again"));
  button.type = "button";
  const shown = element("div", "empty cvfailure", icon("warn"), element("b", "", gettext("The graph could not be loaded")), element("p", "", why), element("div", "row", button));
  shown.setAttribute("role", "alert");
  button.addEventListener("click", () => {
    shown.remove();
    again();
  });
  host.replaceChildren(shown);
}
