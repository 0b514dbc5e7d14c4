/** Copies inputs of a run from the API: the page may truncate them and escapes deceptive characters.
 *
 *   <button data-copy-input="month">   one input, text as it is and anything else as JSON; empty: all inputs
 */

import { isObject } from "../json";
import { call, errorText } from "../api/client";
import { toast } from "../behaviours/toast";
import { gettext } from "../words/i18n";

export function listenToCopyInput(run: string, root: HTMLElement): void {
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
  } catch (error) {
    toast(errorText(error), "error");
    return;
  }
  navigator.clipboard.writeText(text).then(
    () => toast(gettext("Copied.")),
    () => toast(gettext("This browser blocks copying. Select the text and copy it yourself."), "error"),
  );
}
