/** What stands in the place of what could not be loaded. */

import { element, icon } from "../dom";
import { gettext } from "../words/i18n";

/** Says what could not be loaded and why, with a button that tries it again; null: that is of no use. */
export function notLoaded(title: string, why: string, again: (() => void) | null): HTMLElement {
  const shown = element("div", "empty small", icon("warn"), element("b", "", title));
  if (why) shown.append(element("p", "", why));
  shown.setAttribute("role", "alert");
  if (again) {
    const button = element("button", "btn small", gettext("Try again"));
    button.type = "button";
    button.addEventListener("click", again);
    shown.append(element("div", "row", button));
  }
  return shown;
}
