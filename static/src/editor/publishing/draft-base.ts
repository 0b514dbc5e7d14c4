/** Changes what the draft is based on: starts it from a version, discards it, or includes what others published. */

import { call, errorText } from "../../api/client";
import { toast } from "../../behaviours/toast";
import { all } from "../../dom";
import { type Doc, nameOf, nodeOf } from "../../document/document";
import { merge } from "../../document/merge";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { loadDraft } from "../draft";
import type { Editing } from "../parts";
import { showRefusal } from "../../document/perform";
import { reuseEqualParts } from "../../document/reuse";
import type { Versions } from "./versions";

const NAMED_MAX = 5;

export function startDrafting(editing: Editing, versions: Versions): void {
  for (const form of all<HTMLFormElement>("form[data-discard]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.closest<HTMLElement>("[popover]")?.hidePopover();
      discard(editing, versions).catch((error: unknown) => showRefusal(errorText(error)));
    });
  }
  const from = new URLSearchParams(location.search).get("from");
  if (from === null) return;
  // Reloading shows the draft as it then is.
  history.replaceState(history.state, "", location.pathname);
  const number = Number(from);
  if (Number.isInteger(number) && number > 0)
    startFrom(editing, versions, number).catch((error: unknown) => showRefusal(errorText(error)));
}

/** Replaces the document in one edit, and shows a message with a button that undoes it. */
function replace(editing: Editing, doc: Doc, label: string): boolean {
  return editing.store.edit({ kind: "replace", doc: reuseEqualParts(editing.store.doc, doc) }, { label, select: {} });
}

function offerBack(editing: Editing, text: string, button: string, before: Doc, label: string): void {
  const { store } = editing;
  const after = store.doc;
  toast(text, "success", {
    label: button,
    run() {
      // If the user has edited since, undo would remove the wrong edit: restore the old document as a new edit.
      if (store.doc === after && store.undoLabel === label) store.undo();
      else store.edit({ kind: "replace", doc: before }, { label: button });
    },
  });
}

async function startFrom(editing: Editing, versions: Versions, number: number): Promise<void> {
  const doc = await versions.document(number);
  const before = editing.store.doc;
  const label = fill(gettext("Start from v{n}"), { n: number });
  if (!replace(editing, doc, label) || reuseEqualParts(before, doc) === before) return;
  offerBack(editing, fill(gettext("Your draft now matches v{n}."), { n: number }), gettext("Undo"), before, label);
}

/** Shows the version that a new draft starts from, if there is no draft and it is another one by now. Returns whether
 * it did. */
export async function freshen({ facts, saving, store }: Editing, versions: Versions): Promise<boolean> {
  const untouched = (): boolean => !saving.ground.drafted && store.saving.state === "saved";
  if (!untouched() || versions.start === null || saving.ground.base === versions.start) return false;
  const seen = store.doc;
  const loaded = await loadDraft(facts.slug);
  if (!loaded.doc || loaded.savedAt !== null || loaded.baseVersion === null || store.doc !== seen || !untouched())
    return false;
  const label = fill(gettext("Take over v{n}"), { n: loaded.baseVersion });
  store.edit({ kind: "replace", doc: reuseEqualParts(seen, loaded.doc) }, { label });
  versions.put(loaded.baseVersion, store.doc);
  saving.grounded(store.doc, { tag: loaded.etag, base: loaded.baseVersion, drafted: false });
  const text =
    loaded.baseVersion === versions.newest
      ? gettext("v{n} has been published and is shown now.")
      : gettext("v{n} is live again and is shown now.");
  toast(fill(text, { n: loaded.baseVersion }));
  return true;
}

async function discard(editing: Editing, versions: Versions): Promise<void> {
  const { facts, saving, store } = editing;
  const before = store.doc;
  // Unsaved edits are discarded, too; only a save from another tab prevents it.
  await saving.settle().catch(() => undefined);
  if (store.saving.state === "conflict") {
    showRefusal(gettext("Another tab saved first. Choose which draft to keep, then discard it."));
    return;
  }
  if (!saving.ground.drafted) {
    toast(gettext("There is no draft to discard."));
    return;
  }
  await call("DELETE", `/api/v1/workflows/${encodeURIComponent(facts.slug)}/draft/`, undefined, {
    "If-Match": saving.ground.tag,
  });
  const loaded = await loadDraft(facts.slug);
  const label = gettext("Discard my draft");
  if (!loaded.doc) {
    location.reload();
    return;
  }
  if (loaded.baseVersion !== null) versions.put(loaded.baseVersion, loaded.doc);
  replace(editing, loaded.doc, label);
  saving.grounded(store.doc, { tag: loaded.etag, base: loaded.baseVersion, drafted: false });
  const text =
    loaded.baseVersion === null
      ? gettext("Draft discarded.")
      : fill(gettext("Draft discarded. Showing v{n}."), { n: loaded.baseVersion });
  offerBack(editing, text, gettext("Bring it back"), before, label);
}

/** Makes the version that a new draft starts from the base of the draft, with or without merging its changes. From a
 * version that was taken back they are what reverts it. Returns whether the form to publish the draft can be shown
 * again. */
export async function takeOver(editing: Editing, versions: Versions, changes: boolean): Promise<boolean> {
  const { facts, saving, store } = editing;
  await saving.settle();
  await versions.look();
  const { start } = versions;
  if (start === null) return false;
  const { base } = saving.ground;
  const [was, theirs] = await Promise.all([versions.document(base), versions.document(start)]);
  const mine = store.doc;
  const { body } = await call("POST", `${facts.address}edit/rebase/`, {
    saves: Number(saving.ground.tag.replaceAll('"', "")),
  });
  saving.grounded(mine, { tag: `"${Number(body["saves"])}"`, base: start, drafted: true });
  if (!changes) return true;
  const found = merge(was, store.doc, theirs);
  const reverted = base !== null && base > start ? base : null;
  const label =
    reverted === null
      ? fill(gettext("Take over v{n}"), { n: start })
      : fill(gettext("Revert the changes of v{n}"), { n: reverted });
  replace(editing, found.doc, label);
  const clashes = [...found.conflicts.map((id) => nameIn(store.doc, theirs, id)), ...found.fields];
  if (clashes.length) {
    const named = clashes.slice(0, NAMED_MAX).join(", ") + (clashes.length > NAMED_MAX ? " …" : "");
    const text =
      reverted === null
        ? gettext("Merged v{n}. Both changed {names}: your changes were kept there.")
        : gettext("Reverted v{n}. Both changed {names}: your changes were kept there.");
    offerBack(editing, fill(text, { n: reverted ?? start, names: named }), gettext("Undo"), mine, label);
  } else {
    const text = reverted === null ? gettext("Merged v{n}.") : gettext("Reverted v{n}.");
    offerBack(editing, fill(text, { n: reverted ?? start }), gettext("Undo"), mine, label);
  }
  await saving.settle();
  return true;
}

function nameIn(mine: Doc, theirs: Doc, id: string): string {
  const node = nodeOf(mine, id) ?? nodeOf(theirs, id);
  return visible(node ? nameOf(node) : id);
}
