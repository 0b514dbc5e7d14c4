/** The toolbar of the editor: undo and redo, problems, compare, run, publish, and a menu of rarer commands. */

import { errorText } from "../../api/client";
import { setBeforeLoad } from "../../behaviours/popover";
import { toast } from "../../behaviours/toast";
import { element, icon, one, setAttribute, setText } from "../../dom";
import { asJson } from "../../document/document";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { redo, runDraft, tidy, undo } from "./commands";
import { openImport } from "./import";
import type { Editing } from "../parts";

export function mountToolbar(root: HTMLElement, editing: Editing): void {
  const head = one("[data-edit-head]", root);
  if (!head) return;
  const { facts, published, saving, store } = editing;
  setBeforeLoad(() => saving.settle());
  onClick(head, "[data-undo]", () => undo(editing));
  onClick(head, "[data-redo]", () => redo(editing));
  onClick(head, "[data-tidy]", () => tidy(editing));
  onClick(head, "[data-problem-count]", () => {
    editing.drawer.show("problems");
    // On a narrow page the drawer is out of view.
    one("#drawer", root)?.scrollIntoView({ block: "nearest" });
  });
  onClick(head, "[data-compare]", () => published.compare());
  const run = one<HTMLButtonElement>("[data-run-draft]", head);
  onClick(head, "[data-run-draft]", () => {
    run?.classList.add("busy");
    void runDraft(editing).finally(() => run?.classList.remove("busy"));
  });
  if (run) run.disabled = facts.archived;
  const compare = one<HTMLButtonElement>("[data-compare]", head);
  if (compare && facts.live === null) {
    compare.disabled = true;
    compare.title = gettext("No live version yet.");
  }
  startMore(head, editing);
  showHistory(head, editing);
  showProblems(head, editing);
  store.listen((update) => {
    if (update.doc) showHistory(head, editing);
    if (update.doc || update.problems) showProblems(head, editing);
    if (update.marks) setAttribute(compare, "aria-pressed", String(store.marks?.against === "live"));
  });
}

function onClick(head: HTMLElement, selector: string, run: () => void): void {
  one(selector, head)?.addEventListener("click", run);
}

function showHistory(head: HTMLElement, { store }: Editing): void {
  const show = (selector: string, label: string, words: string, none: string, keys: string): void => {
    const button = one<HTMLButtonElement>(selector, head);
    if (!button) return;
    button.disabled = !label;
    const title = label ? `${fill(words, { what: label })} (${keys})` : none;
    if (button.title !== title) button.title = title;
    setAttribute(button, "aria-label", label ? fill(words, { what: label }) : none);
  };
  show("[data-undo]", visible(store.undoLabel), gettext("Undo: {what}"), gettext("Nothing to undo"), "Ctrl Z");
  show("[data-redo]", visible(store.redoLabel), gettext("Redo: {what}"), gettext("Nothing to redo"), "Ctrl Shift Z");
  const tidyButton = one<HTMLButtonElement>("[data-tidy]", head);
  if (tidyButton) tidyButton.disabled = store.doc.nodes.length < 2;
}

/** Shows the number of errors, else of warnings. During a check the last result stays. */
function showProblems(head: HTMLElement, { store }: Editing): void {
  const chip = one("[data-problem-count]", head);
  if (!chip) return;
  chip.classList.toggle("old", store.check === "checking");
  const errors = store.problems.filter((problem) => problem.severity === "error").length;
  const warnings = store.problems.length - errors;
  const empty = !store.doc.nodes.length;
  const unknown = !store.problems.length && store.check !== "checked";
  // To the server an empty graph is a problem; its author has just started.
  const [state, mark, words] = empty
    ? ["", "dot", gettext("Empty")]
    : errors
      ? ["failed", "warn", fill(ngettext("{n} problem", "{n} problems", errors), { n: count(errors) })]
      : warnings
        ? ["stuck", "warn", fill(ngettext("{n} warning", "{n} warnings", warnings), { n: count(warnings) })]
        : unknown
          ? ["", "dot", store.check === "checking" ? gettext("Checking") : gettext("Not checked")]
          : ["succeeded", "ok", gettext("No problems")];
  // Keep the last result until the check ends.
  if (store.check === "checking" && unknown && !empty && chip.dataset["shown"]) return;
  if (chip.dataset["shown"] === `${state} ${words}`) return;
  chip.dataset["shown"] = `${state} ${words}`;
  setAttribute(chip, "class", `chip${state ? ` st-${state}` : ""}`);
  chip.title =
    errors && warnings ? fill(ngettext("and {n} warning", "and {n} warnings", warnings), { n: count(warnings) }) : "";
  const text = one("span", chip);
  const drawn = chip.querySelector("use");
  if (text && drawn) {
    setText(text, words);
    drawn.setAttribute("href", `#i-${mark}`);
  } else chip.replaceChildren(icon(mark), element("span", "", words));
}

function startMore(head: HTMLElement, editing: Editing): void {
  const { inspector, saving, store } = editing;
  const menu = one("[data-edit-more]", head);
  const shut = (): void => {
    if (menu?.matches(":popover-open")) menu.hidePopover();
  };
  menu?.addEventListener("click", (event) => {
    const link =
      event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-needs-saved]") : null;
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      saving.settle().then(
        () => location.assign(link.href),
        (error: unknown) => toast(errorText(error), "error"),
      );
    }
    if (event.target instanceof Element && event.target.closest("button[type=button], a")) shut();
  });
  onClick(head, "[data-workflow-settings]", () => inspector.openWorkflow());
  onClick(head, "[data-compare-too]", () => editing.published.compare());
  onClick(head, "[data-copy-json]", () => {
    navigator.clipboard.writeText(JSON.stringify(asJson(store.doc), null, 2)).then(
      () => toast(gettext("Copied.")),
      () => toast(gettext("Your browser blocked copying. Select the text and copy it manually."), "error"),
    );
  });
  onClick(head, "[data-import-json]", () => openImport(editing));
}
