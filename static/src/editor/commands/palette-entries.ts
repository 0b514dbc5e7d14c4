/** The editor's entries in the command palette (Ctrl K). */

import { type PaletteEntry, setPageEntries } from "../../behaviours/command-palette";
import { openDialog } from "../../behaviours/popover";
import { one } from "../../dom";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { addType, redo, tidy, undo, insertionAtSelection } from "./commands";
import type { Editing } from "../parts";

export function addPaletteEntries(root: HTMLElement, editing: Editing): void {
  const { canvas, drawer, facts, inspector, store } = editing;
  /** An entry for a button of the toolbar, while that is enabled. */
  const button = (selector: string, icon: string, text: string, hint = ""): PaletteEntry[] => {
    const found = one<HTMLButtonElement>(selector, root);
    return found && !found.disabled ? [{ icon, text, hint, run: () => found.click() }] : [];
  };
  const live = (): PaletteEntry[] => {
    const n = editing.published.live;
    return n === null || facts.archived
      ? []
      : [
          {
            icon: "play",
            text: fill(gettext("Run v{n} (live)"), { n }),
            hint: "",
            run: () => void openDialog(`${facts.address}run/`),
          },
        ];
  };
  setPageEntries(() => [
    ...button("[data-run-draft]", "play", gettext("Run draft"), "R"),
    ...live(),
    ...button("[data-publish]", "ok", gettext("Publish")),
    ...button("[data-compare]", "split", gettext("Compare with the live version")),
    { icon: "search", text: gettext("Find a node"), hint: "/", run: () => canvas.search() },
    { icon: "tidy", text: gettext("Arrange nodes"), hint: "T", run: () => tidy(editing) },
    { icon: "warn", text: gettext("Show problems"), hint: "", run: () => drawer.show("problems") },
    { icon: "gauge", text: gettext("Workflow settings"), hint: "", run: () => inspector.openWorkflow() },
    ...(store.undoLabel
      ? [
          {
            icon: "undo",
            text: fill(gettext("Undo: {what}"), { what: visible(store.undoLabel) }),
            hint: "Ctrl Z",
            run: () => undo(editing),
          },
        ]
      : []),
    ...(store.redoLabel
      ? [
          {
            icon: "redo",
            text: fill(gettext("Redo: {what}"), { what: visible(store.redoLabel) }),
            hint: "Ctrl Shift Z",
            run: () => redo(editing),
          },
        ]
      : []),
    ...[...facts.types.values()].map((type) => ({
      icon: type.icon,
      text: fill(gettext("Add {name}"), { name: type.name }),
      hint: type.type,
      run: () => addType(editing, type, insertionAtSelection(editing, type)),
    })),
  ]);
}
