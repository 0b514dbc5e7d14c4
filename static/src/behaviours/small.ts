/** Behaviours of a line or two: copy a text, send a form when its choice changes, say that a form is on its way. */

import { one } from "../dom";
import { gettext } from "../words/i18n";
import { toast } from "./toast";

export function startSmall(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
    const from = button?.dataset["copy"];
    const text = from ? one(from)?.textContent : null;
    if (text) {
      navigator.clipboard.writeText(text).then(
        () => toast(gettext("Copied.")),
        () => toast(gettext("The browser does not let pages copy; mark the text and copy it yourself."), "error"),
      );
    }
  });
  document.addEventListener("change", (event) => {
    const field =
      event.target instanceof Element ? event.target.closest<HTMLSelectElement>("[data-submit-on-change]") : null;
    field?.form?.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !(event.target instanceof HTMLFormElement)) return;
    // Twice pressed is sent once; the name and value of the button still go with the form.
    const button = event.submitter;
    if (button) window.setTimeout(() => button.classList.add("busy"), 0);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const button of document.querySelectorAll(".btn.busy")) button.classList.remove("busy");
  });
}
