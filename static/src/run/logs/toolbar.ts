/** The buttons and fields above a log. */

import { debounced, one } from "../../dom";
import type { Direction } from "./search";

interface ToolbarActions {
  toggleFollow(): void;
  follow(): void;
  showAllNodes(): void;
  goToNextMatch(direction: Direction): void;
  toggleMatchesOnly(): void;
  copy(): void;
  setLevel(level: string): void;
  setText(text: string): void;
}

export function listenToToolbar(root: ParentNode, actions: ToolbarActions): void {
  const click = (selector: string, run: () => void): void => one(selector, root)?.addEventListener("click", run);
  click("[data-log-follow]", () => actions.toggleFollow());
  click("[data-log-new]", () => actions.follow());
  click("[data-log-node]", () => actions.showAllNodes());
  click("[data-log-next]", () => actions.goToNextMatch(1));
  click("[data-log-prev]", () => actions.goToNextMatch(-1));
  click("[data-log-only]", () => actions.toggleMatchesOnly());
  click("[data-log-copy]", () => actions.copy());
  const level = one<HTMLSelectElement>("[data-log-level]", root);
  level?.addEventListener("change", () => actions.setLevel(level.value));
  const search = one<HTMLInputElement>("[data-log-search]", root);
  const typed = (): void => actions.setText(search?.value ?? "");
  search?.addEventListener("input", debounced(120, typed));
  search?.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      typed();
      actions.goToNextMatch(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && search.value) {
      search.value = "";
      typed();
    } else return;
    event.preventDefault();
  });
}
