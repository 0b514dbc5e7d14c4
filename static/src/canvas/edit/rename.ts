/** The field for a node's name, placed over its card. */

import { element } from "../../dom";
import { nameOf } from "../../document/document";
import { gettext } from "../../words/i18n";
import { boxOf } from "../picture";
import { ZOOM_CARDS } from "../viewport";
import type { EditBoard } from "./board";

const NAME_MAX = 200;
/** Position of the name on a card. */
const NAME_LEFT = 33;
const NAME_TOP = 6;

export class NameField {
  private readonly field = element("input", "cvname");
  private id: string | null = null;

  constructor(private readonly board: EditBoard) {
    const { field } = this;
    field.type = "text";
    field.maxLength = NAME_MAX;
    field.autocomplete = "off";
    field.spellcheck = false;
    field.hidden = true;
    field.dataset["ownUndo"] = "";
    field.setAttribute("aria-label", gettext("Name of the node"));
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      event.stopPropagation();
      if (event.key === "Enter") this.close(true, true);
      else if (event.key === "Escape") this.close(false, true);
      else return;
      event.preventDefault();
    });
    field.addEventListener("blur", () => this.close(true, false));
    board.surface.frame.stage.append(field);
  }

  open(id: string): void {
    const { board, field } = this;
    const node = board.scene.find(id);
    const known = board.nodeOf(id);
    if (node < 0 || !known) return;
    this.close(true, false);
    board.choose([id]);
    if (board.surface.viewport.zoom < ZOOM_CARDS) board.surface.goTo(node);
    else board.surface.reveal(node);
    this.id = id;
    field.value = nameOf(known);
    field.hidden = false;
    this.reposition();
    field.focus({ preventScroll: true });
    field.select();
  }

  /** Moves the field to the card. */
  reposition(): void {
    const { board, field, id } = this;
    if (id === null) return;
    const node = board.scene.find(id);
    if (node < 0) {
      this.close(false, false);
      return;
    }
    const { left, top } = boxOf(board.scene, node);
    const { x, y, zoom } = board.surface.viewport;
    field.style.transform = `translate(${(left + NAME_LEFT) * zoom + x}px, ${(top + NAME_TOP) * zoom + y}px) scale(${zoom})`;
  }

  private close(taken: boolean, back: boolean): void {
    const { board, field, id } = this;
    if (id === null) return;
    this.id = null;
    const name = field.value.trim();
    const node = board.nodeOf(id);
    field.hidden = true;
    if (taken && node && name && name !== nameOf(node)) board.actions.rename(id, name);
    if (back) board.focus();
  }
}
