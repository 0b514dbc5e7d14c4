/** Copies inputs of a run whole: the page may show a long one in part, and writes out what could disguise it.
 *
 *   <button data-copy-input="month">   that input, a text as it is, anything else as JSON; empty: all of them
 */

import { isObject } from "../json";
import { call } from "../api/client";
import { toast } from "../behaviours/toast";
import { gettext } from "../words/i18n";

export function startInputs(run: string, root: HTMLElement): void {
  root.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy-input]") : null;
    if (button) void copy(run, button.dataset["copyInput"] ?? "");
  });
}

async function copy(run: string, name: string): Promise<void> {
  let text: string;
  try {
    const inputs = (await call("GET", `/api/v1/runs/${run}/`)).body["inputs"];
    const value = name && isObject(inputs) ? inputs[name] : inputs;
    text = typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2);
  } catch {
    toast(gettext("Offline: this did not reach the server."), "error");
    return;
  }
  navigator.clipboard.writeText(text).then(
    () => toast(gettext("Copied.")),
    () => toast(gettext("The browser does not let pages copy; mark the text and copy it yourself."), "error"),
  );
}
