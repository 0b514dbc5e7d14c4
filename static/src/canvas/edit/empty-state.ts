/** What stands on the canvas before anything is drawn. */

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
      element("b", "", gettext("Draw your first node")),
      element(
        "p",
        "wide-only",
        gettext(
          "Drag a type from the left, or drop a file with data here. Then draw on from the small circle at its right.",
        ),
      ),
      // One column: there is no palette to drag from.
      element("p", "narrow-only", gettext("Choose what it does. Then draw on from the small circle at its right.")),
      add,
    );
    this.root.hidden = true;
    board.host.append(this.root);
  }

  show(shown: boolean): void {
    this.root.hidden = !shown;
  }
}
