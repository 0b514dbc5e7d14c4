/** The message on an empty canvas. */

import { element } from "../../dom";
import { gettext } from "../../words/i18n";
import type { EditBoard } from "./board";

export class EmptyState {
  private readonly root: HTMLElement;

  constructor(board: EditBoard) {
    const add = element("button", "btn", gettext("Add a node"), element("kbd", "", "N"));
    add.type = "button";
    add.addEventListener("click", () => {
      const { left, bottom } = add.getBoundingClientRect();
      board.page.openTypeMenu({ at: null, client: { x: left, y: bottom + 4 } });
    });
    this.root = element(
      "div",
      "empty cvempty",
      element("b", "", gettext("Add your first node")),
      element(
        "p",
        "wide-only",
        gettext(
          "Drag a node type from the left, or drop a data file here. Then connect it from the circle on its right.",
        ),
      ),
      // The narrow layout has no palette to drag from.
      element("p", "narrow-only", gettext("Choose a node type. Then connect it from the circle on its right.")),
      add,
    );
    this.root.hidden = true;
    board.host.append(this.root);
  }

  show(shown: boolean): void {
    this.root.hidden = !shown;
  }
}
