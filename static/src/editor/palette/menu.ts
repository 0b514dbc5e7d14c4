/** The menu that adds a node at a given point: after a port, on an edge, or at a position of the canvas. */

import type { InsertionPoint } from "../../document/insertion-point";
import type { NodeType } from "../../document/node-type";
import { element, icon } from "../../dom";
import { type Doc, edgeKey, nameOf, nodeOf } from "../../document/document";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { addType, typesAround } from "../commands/commands";
import { TypeList } from "./type-list";
import type { Editing } from "../parts";

const EDGE = 8;

export class AddMenu {
  private open_: HTMLElement | null = null;
  private before: Element | null = null;

  constructor(private readonly editing: Editing) {
    document.addEventListener(
      "pointerdown",
      (event) => {
        if (this.open_ && event.target instanceof Node && !this.open_.contains(event.target)) this.close(false);
      },
      { capture: true },
    );
  }

  open(point: InsertionPoint): void {
    this.close(false);
    const { editing } = this;
    this.before = document.activeElement;
    const list = new TypeList({
      id: "add",
      types: editing.facts.types,
      label: gettext("Add a node"),
      grouped: false,
      around: () => typesAround(editing, point),
      pick: (type: NodeType) => {
        this.close(true);
        addType(editing, type, point);
      },
    });
    const menu = element(
      "div",
      "addmenu float",
      element("div", "find", icon("search", true), list.field, element("kbd", "", "Esc")),
    );
    menu.dataset["addMenu"] = "";
    menu.setAttribute("role", "dialog");
    const text = pointText(editing.store.doc, point);
    menu.setAttribute("aria-label", text || gettext("Add a node"));
    if (text) menu.append(element("div", "says meta", text));
    menu.append(list.none, list.list);
    // The field keeps the focus when the user presses the list.
    list.list.addEventListener("mousedown", (event) => event.preventDefault());
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) {
        event.preventDefault();
        this.close(true);
      }
      // No keyboard shortcuts of the page in this menu.
      event.stopPropagation();
    });
    menu.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && menu.contains(event.relatedTarget)) && document.hasFocus())
        this.close(false);
    });
    document.body.append(menu);
    this.open_ = menu;
    place(menu, point.client ?? middleOf(document.querySelector("[data-edit-canvas]")));
    list.field.focus({ preventScroll: true });
  }

  private close(giveBack: boolean): void {
    const menu = this.open_;
    if (!menu) return;
    this.open_ = null;
    menu.remove();
    if (!giveBack) return;
    if (this.before instanceof HTMLElement && this.before !== document.body && this.before.isConnected)
      this.before.focus({ preventScroll: true });
    else this.editing.canvas.focus();
  }
}

function pointText(doc: Doc, point: InsertionPoint): string {
  const name = (id: string): string => {
    const node = nodeOf(doc, id);
    return visible(node ? nameOf(node) : id);
  };
  if (point.edge !== undefined) {
    const edge = doc.edges.find((one) => edgeKey(one) === point.edge);
    return edge ? fill(gettext("Add between {a} and {b}"), { a: name(edge.source), b: name(edge.target) }) : "";
  }
  if (point.from) {
    const named = point.from.port !== "out";
    return fill(named ? gettext("Add after {name}, {port}") : gettext("Add after {name}"), {
      name: name(point.from.node),
      port: visible(point.from.port),
    });
  }
  return point.to ? fill(gettext("Add before {name}"), { name: name(point.to.node) }) : "";
}

function middleOf(element: Element | null): { x: number; y: number } {
  const box = element?.getBoundingClientRect();
  return box
    ? { x: box.left + box.width / 2 - 160, y: box.top + Math.max(EDGE, box.height / 2 - 190) }
    : { x: EDGE, y: EDGE };
}

function place(menu: HTMLElement, at: { readonly x: number; readonly y: number }): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(EDGE, Math.min(at.x, window.innerWidth - width - EDGE))}px`;
  menu.style.top = `${Math.max(EDGE, Math.min(at.y, window.innerHeight - height - EDGE))}px`;
}
