/** Short messages at the corner: what was done, or why it was not. Those that tell of success go by themselves. */

import { all, element, icon, one } from "../dom";
import { gettext } from "../words/i18n";

const SHOWN_MS = 6000;

export function toast(text: string, kind: "success" | "error" = "success"): void {
  const close = element("button", "btn quiet small icon", icon("bad", true));
  close.type = "button";
  close.dataset["dismiss"] = "";
  close.setAttribute("aria-label", gettext("Close"));
  const made = element("div", `toast st-${kind === "error" ? "failed" : "succeeded"}`, icon(kind === "error" ? "bad" : "ok"), element("span", "", text), close);
  made.dataset["toast"] = kind;
  one("[data-toasts]")?.append(made);
  if (kind === "success") window.setTimeout(() => made.remove(), SHOWN_MS);
}

export function startToasts(): void {
  for (const shown of all('[data-toast="success"]')) window.setTimeout(() => shown.remove(), SHOWN_MS);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
  });
}
