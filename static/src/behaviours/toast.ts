/** Short messages in a corner of the page: what was done, or why it failed. Messages of success close by themselves. */

import { all, element, icon, one } from "../dom";
import { gettext } from "../words/i18n";

const SHOWN_MS = 6000;
const ACTION_SHOWN_MS = 20_000;

/** Shows a message. `action`: a button in it; such a message stays longer. */
export function toast(
  text: string,
  kind: "success" | "error" = "success",
  action: { readonly label: string; run(): void } | null = null,
): HTMLElement {
  const close = element("button", "btn quiet small icon", icon("bad", true));
  close.type = "button";
  close.dataset["dismiss"] = "";
  close.setAttribute("aria-label", gettext("Close"));
  const made = element(
    "div",
    `toast st-${kind === "error" ? "failed" : "succeeded"}`,
    icon(kind === "error" ? "bad" : "ok"),
    element("span", "", text),
  );
  if (action) {
    const does = element("button", "btn small", action.label);
    does.type = "button";
    does.addEventListener("click", () => {
      made.remove();
      action.run();
    });
    made.append(does);
  }
  made.append(close);
  made.dataset["toast"] = kind;
  one("[data-toasts]")?.append(made);
  if (kind === "success") window.setTimeout(() => made.remove(), action ? ACTION_SHOWN_MS : SHOWN_MS);
  return made;
}

export function startToasts(): void {
  for (const shown of all('[data-toast="success"]')) window.setTimeout(() => shown.remove(), SHOWN_MS);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-dismiss]"))
      event.target.closest(".toast")?.remove();
  });
}
