/** Imports JSON text, a definition or copied nodes, pasted or from a file. It is added to the graph or replaces it, as an
 * edit that can be undone. */

import { isObject, type Json } from "../../json";
import { element, icon } from "../../dom";
import { type Doc, readDocument } from "../../document/document";

import { gettext } from "../../words/i18n";
import { offerUndo } from "./commands";
import type { Editing } from "../parts";
import { pasteText } from "./clipboard";

/** The largest file that is read. */
const BYTES_MAX = 32 * 1024 * 1024;

export function openImport(editing: Editing): void {
  const dialog = element("dialog", "importer");
  const area = element("textarea", "in mono");
  area.id = "import-text";
  area.spellcheck = false;
  area.wrap = "off";
  const label = element("label", "", gettext("Workflow definition or copied nodes, as JSON"));
  label.htmlFor = area.id;
  const wrong = element("div", "wrong");
  wrong.id = "import-wrong";
  wrong.setAttribute("role", "alert");
  area.setAttribute("aria-describedby", wrong.id);
  const file = element("input");
  file.type = "file";
  file.accept = ".json,application/json";
  file.hidden = true;
  const choose = button(gettext("Choose file"), "btn quiet");
  const add = button(gettext("Add nodes"), "btn");
  const replace = button(gettext("Replace workflow"), "btn primary");
  const close = button("", "btn quiet icon");
  close.append(icon("bad", true));
  close.setAttribute("aria-label", gettext("Close"));
  const title = element("h1", "run-title grow", gettext("Import JSON"));
  title.id = "import-title";
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.append(
    element(
      "div",
      "body",
      element("div", "row", title, close),
      element("div", "field", label, area, wrong),
      element("div", "row wrap", choose, file, element("div", "grow"), add, replace),
    ),
  );
  const say = (text: string): void => {
    wrong.textContent = text;
    area.setAttribute("aria-invalid", String(text !== ""));
    if (text) area.focus();
  };
  area.addEventListener("input", () => say(""));
  choose.addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (!chosen) return;
    if (chosen.size > BYTES_MAX) say(gettext("This file is too large."));
    else
      chosen.text().then(
        (text) => {
          area.value = text;
          say("");
          area.focus();
        },
        () => say(gettext("This file could not be read.")),
      );
  });
  add.addEventListener("click", () => {
    const problem = problemOf(area.value);
    if (problem) say(problem);
    else if (pasteText(editing, area.value, null)) dialog.close();
  });
  replace.addEventListener("click", () => {
    const read = readWhole(area.value);
    if (typeof read === "string") {
      say(read);
      return;
    }
    dialog.close();
    if (editing.store.edit({ kind: "replace", doc: read }, { label: gettext("Replace workflow"), select: {} })) {
      editing.canvas.fit();
      offerUndo(editing, gettext("Workflow replaced."));
    }
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  area.focus();
}

function button(text: string, style: string): HTMLButtonElement {
  const made = element("button", style, text);
  made.type = "button";
  return made;
}

/** Returns why the text is not JSON; empty: it is. */
function problemOf(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `${gettext("This is not valid JSON.")} ${error instanceof Error ? error.message : ""}`.trim();
  }
}

/** Returns the definition in the text, or why it is none. */
function readWhole(text: string): Doc | string {
  const wrong = problemOf(text);
  if (wrong) return wrong;
  const value = JSON.parse(text) as Json;
  const definition = isObject(value) && isObject(value["definition"]) ? value["definition"] : value;
  const doc =
    isObject(definition) && Array.isArray(definition["nodes"]) && !("interlock" in definition)
      ? readDocument(definition)
      : null;
  return (
    doc ?? gettext("This is not a workflow definition. It needs a list of nodes with unique IDs, and a list of edges.")
  );
}
