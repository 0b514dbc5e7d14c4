/** The run's entries in the command palette (Ctrl K): the buttons and links of its head that are shown. */

import { setPageEntries } from "../behaviours/command-palette";
import { all, one } from "../dom";

export function addPaletteEntries(root: HTMLElement): void {
  setPageEntries(() =>
    all<HTMLElement>("[data-run-actions] :is(a, button:enabled)", root)
      .map((control) => ({
        icon: one("use", control)?.getAttribute("href")?.replace("#i-", "") ?? "play",
        text: control.checkVisibility() ? control.innerText.trim() : "",
        hint: control.getAttribute("aria-keyshortcuts") ?? "",
        run: () => control.click(),
      }))
      .filter(({ text }) => text !== ""),
  );
}
