/** Small behaviours of plain pages: copying a text, submitting a form when a choice changes, marking a form as sent. */

import { one } from "../dom";
import { gettext } from "../words/i18n";
import { toast } from "./toast";

export function startForms(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
    const from = button?.dataset["copy"];
    const text = from ? one(from)?.textContent : null;
    if (text) {
      navigator.clipboard.writeText(text).then(
        () => toast(gettext("Copied.")),
        () => toast(gettext("This browser blocks copying. Select the text and copy it yourself."), "error"),
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
    // A second click must not submit again. Only after this event: a disabled button's value would not be submitted.
    const button = event.submitter;
    if (button) window.setTimeout(() => button.classList.add("busy"), 0);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const button of document.querySelectorAll(".btn.busy")) button.classList.remove("busy");
  });
}
