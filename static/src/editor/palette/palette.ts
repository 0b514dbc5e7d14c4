/** The palette: node types by category, with a search field. Enter, a click or dragging adds a node. */

import type { NodeType } from "../../document/node-type";
import { element, icon, one, setHidden } from "../../dom";
import { gettext } from "../../words/i18n";
import { addType, typesAround, insertionAtSelection } from "../commands/commands";
import { AddMenu } from "./menu";
import { type Folds, startFolds } from "../side-panels";
import { TypeList } from "./type-list";
import type { Editing, Palette } from "../parts";

/** The media type of a dragged node type. */
const NODE_DRAG = "application/x-interlock-node";

export function mountPalette(root: HTMLElement, editing: Editing): Palette {
  const folds = startFolds(root);
  const menu = new AddMenu(editing);
  /** Whether the palette has no search field, because it is narrow or folded: then the menu opens instead. */
  const away = (): boolean => folds.narrow || folds.folded("pal");
  const side = one("[data-palette-side]", root);
  const focus = side ? fillSide(side, editing, folds) : (): void => undefined;
  const palette: Palette = {
    openMenu: (at) => menu.open(at),
    focus: () => (away() ? menu.open(insertionAtSelection(editing, null)) : focus()),
  };
  side?.addEventListener("click", (event) => {
    const find = event.target instanceof Element ? event.target.closest(".find") : null;
    if (!find) return;
    const at = find.getBoundingClientRect();
    if (away()) menu.open({ ...insertionAtSelection(editing, null), client: { x: at.right + 12, y: at.top } });
    else focus();
  });
  const button = one<HTMLButtonElement>("[data-add-narrow]", root);
  button?.addEventListener("click", () => {
    const at = button.getBoundingClientRect();
    menu.open({ ...insertionAtSelection(editing, null), client: { x: at.left, y: at.top } });
  });
  return palette;
}

/** Builds the palette; returns the function that focuses it. */
function fillSide(side: HTMLElement, editing: Editing, folds: Folds): () => void {
  const types = new TypeList({
    id: "pal",
    types: editing.facts.types,
    label: gettext("Add a node"),
    grouped: true,
    around: () => typesAround(editing, insertionAtSelection(editing, null)),
    pick: (type) => {
      types.field.value = "";
      types.show();
      types.field.blur();
      addType(editing, type, insertionAtSelection(editing, type));
    },
  });
  types.field.setAttribute("aria-keyshortcuts", "N");
  const key = element("kbd", "", "N");
  key.setAttribute("aria-hidden", "true");
  const find = element("div", "find", icon("search", true), types.field, key);
  const fold = element("button", "btn quiet small icon", icon("side", true));
  fold.type = "button";
  fold.dataset["fold"] = "pal";
  fold.setAttribute("aria-controls", types.list.id);
  fold.setAttribute("aria-label", gettext("Node type names"));
  side.replaceChildren(find, types.none, types.list, element("div", "foot", fold));
  folds.show();
  types.field.addEventListener("focus", () => {
    // The order depends on the selection.
    types.show();
    setHidden(key, true);
  });
  types.field.addEventListener("blur", () => setHidden(key, types.field.value !== ""));
  types.field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    if (types.field.value) {
      types.field.value = "";
      types.show();
    } else editing.canvas.focus();
  });
  startDrag(types.list, editing.facts.types);
  const focus = (): void => {
    types.field.focus();
    types.field.select();
  };
  return focus;
}

function startDrag(list: HTMLElement, types: ReadonlyMap<string, NodeType>): void {
  let shown: HTMLElement | null = null;
  list.addEventListener("dragstart", (event) => {
    const option = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-add]") : null;
    const type = types.get(option?.dataset["add"] ?? "");
    if (!type || !event.dataTransfer) return;
    event.dataTransfer.setData(NODE_DRAG, type.type);
    event.dataTransfer.effectAllowed = "copy";
    shown = element("div", "dragged", icon(type.icon), element("span", "cut", type.name));
    document.body.append(shown);
    event.dataTransfer.setDragImage(shown, 94, 27);
  });
  list.addEventListener("dragend", () => {
    shown?.remove();
    shown = null;
  });
}
