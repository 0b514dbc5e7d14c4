/** The message shown in place of content that could not be loaded. */

import { element, icon } from "../dom";
import { gettext } from "../words/i18n";

/** `again`: what the button "Try again" does; null: there is no button. */
export function loadFailure(title: string, why: string, again: (() => void) | null): HTMLElement {
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
