/** Saves the draft of the graph editor: in this browser at once, on the server within a second, and never over a save from
 * another tab. */

import { isObject, type Json, type JsonObject, isEqual } from "../../json";
import { serverNow } from "../../behaviours/clock";
import { toast } from "../../behaviours/toast";
import { debounced, one } from "../../dom";
import { asJson, type Doc, emptyDocument, readDocument } from "../../document/document";
import { merge } from "../../document/merge";
import { applyPatch, patchBetween, readOperations } from "../../document/patch";

import { fill, gettext } from "../../words/i18n";
import { differences, summary } from "./conflict";
import { BrowserStorage, type CopyFormat, LocalCopies, type LocalCopy } from "./local-copies";
import type { Loaded } from "../draft";
import type { Editing, Saving } from "../parts";
import { initialState, isSaved, type State } from "./machine";
import { type Notice, NoticePlace, showStatus, troubleNotice } from "./notice";
import { type Content, Saver, type Request, whyUnsaved } from "./saver";
import { reuseEqualParts } from "../../document/reuse";
import { commitPendingInput } from "./pending-input";

/** How long after an edit the list of differences is updated. */
const DIFFER_MS = 400;
const AGE_MS = 5000;

/** Documents saved by another editor that cannot be shown as a graph. */
const undrawable = new WeakSet<Doc>();

function drawable(definition: JsonObject): Doc {
  const doc = readDocument(definition);
  if (doc) return doc;
  const made = { ...emptyDocument(), ...definition, nodes: [], edges: [] };
  undrawable.add(made);
  return made;
}

export function patchRequest(saved: Doc, doc: Doc, base: number | null, whole: boolean): Request {
  if (!whole && !undrawable.has(saved)) {
    const operations = patchBetween(asJson(saved), asJson(doc));
    const text = JSON.stringify(operations);
    // A short patch is sent without measuring the whole document, which is slow.
    if (operations.length && (text.length < 4000 || text.length < JSON.stringify(doc).length))
      return { method: "PATCH", text };
  }
  return { method: "PUT", text: JSON.stringify({ definition: doc, base_version: base }) };
}

const format: CopyFormat<Doc> = {
  kind: "graph",
  whole: (doc) => JSON.stringify(doc),
  step: (before, doc) => JSON.stringify(patchBetween(asJson(before), asJson(doc))),
  read(whole, steps) {
    let value: Json | null = JSON.parse(whole) as Json;
    for (const step of steps) {
      const operations = JSON.parse(step) as Json;
      if (Array.isArray(operations) && !operations.length) continue;
      const read = readOperations(operations);
      value = read && value !== null ? applyPatch(value, read) : null;
    }
    return isObject(value) ? readDocument(value) : null;
  },
};

export function startSaving(editing: Pick<Editing, "facts" | "store">, loaded: Loaded): Saving {
  const { facts, store } = editing;
  const server = store.doc;
  const ground = { tag: loaded.etag, base: loaded.baseVersion, drafted: loaded.savedAt !== null };
  const savedAt = loaded.savedAt === null ? null : Date.now() - (serverNow() - Date.parse(loaded.savedAt));
  const notices = new NoticePlace(() => one(".editcanvas"));
  let isStored = true;
  let marked = false;
  /** Copies of closed tabs that are still to be restored. */
  let waiting: LocalCopy<Doc>[] = [];

  const content: Content<Doc> = {
    slug: facts.slug,
    user: facts.user,
    request: patchRequest,
    read: drawable,
    same: (a, b) => isEqual(asJson(a), asJson(b)),
  };
  const saver = new Saver<Doc>(content, initialState(server, ground, savedAt), changed);
  const copies = new LocalCopies<Doc>(new BrowserStorage(), format, facts.user, facts.slug, able, (tag) =>
    saver.savedElsewhere(tag),
  );

  function able(can: boolean): void {
    if (can === isStored) return;
    isStored = can;
    show();
  }

  function changed(state: State<Doc>, before: State<Doc>): void {
    if (isSaved(state)) {
      if (state.ground.tag !== before.ground.tag || !isSaved(before)) copies.saved(state.doc, state.ground);
    } else if (state.doc !== before.doc || state.ground !== before.ground || isSaved(before))
      copies.keep(state.doc, state.ground);
    if (before.trouble?.kind === "offline" && !state.trouble && isSaved(state))
      toast(gettext("Back online. All changes saved."));
    show();
    if (before.trouble?.kind === "conflict" && state.trouble?.kind !== "conflict") {
      restore();
    }
  }

  const soonDiffer = debounced(DIFFER_MS, () => notices.show(notice(saver.state)));

  function show(): void {
    const state = saver.state;
    showStatus(state, isStored);
    if (state.trouble?.kind === "conflict" && notices.isShown) soonDiffer();
    else notices.show(notice(state));
    const trouble = state.trouble;
    if (marked && trouble?.kind !== "conflict") {
      marked = false;
      store.setMarks(null);
    }
    if (trouble)
      store.setSaving(
        trouble.kind === "offline"
          ? { state: "offline", tries: trouble.tries }
          : trouble.kind === "conflict"
            ? { state: "conflict" }
            : { state: "refused", why: whyUnsaved(state) },
      );
    else if (state.sending !== null || state.looking) store.setSaving({ state: "saving" });
    else
      store.setSaving(
        isSaved(state)
          ? { state: "saved", at: state.savedAt === null ? null : new Date(state.savedAt).toISOString() }
          : { state: "unsaved" },
      );
  }

  function notice(state: State<Doc>): Notice | null {
    const trouble = state.trouble;
    switch (trouble?.kind) {
      case "conflict": {
        if (undrawable.has(trouble.theirs))
          return {
            kind: "conflict",
            title: gettext("Your draft was saved from another tab"),
            text: gettext("Nothing was overwritten. The draft saved there cannot be shown as a graph."),
            actions: [{ label: gettext("Keep mine"), run: keepMine }],
            link: { label: gettext("Open that version as text"), address: `${facts.address}edit/text/` },
          };
        const found = differences(state.doc, trouble.theirs, facts.types);
        if (!store.marks || marked) {
          marked = true;
          store.setMarks({ against: "save", added: new Set(found.mine), changed: new Set(found.unlike) });
        }
        const title = trouble.kept
          ? gettext("Unsaved changes restored from this browser")
          : gettext("Your draft was saved from another tab");
        const about = trouble.kept
          ? gettext("They are based on an older save. Nothing was overwritten.")
          : gettext("Nothing was overwritten, and your changes here are safe.");
        return {
          kind: "conflict",
          title,
          text: `${about} ${fill(gettext("{differences}. You can undo either choice."), { differences: summary(found) || gettext("Only the order of nodes or edges differs") })}`,
          lines: found.lines,
          actions: [
            ...(bothOf(state, trouble.theirs) ? [{ label: gettext("Keep both"), run: keepBoth, primary: true }] : []),
            { label: gettext("Keep mine"), run: keepMine },
            { label: gettext("Use the other tab's version"), run: takeTheirs },
          ],
        };
      }
      default:
        return troubleNotice(state, isStored, facts.user, () => saver.save());
    }
  }

  /** Merges both sides; null: they changed the same place, or the common base is unknown. */
  function bothOf(state: State<Doc>, theirs: Doc): Doc | null {
    if (
      state.trouble?.kind !== "conflict" ||
      state.trouble.kept ||
      state.doc === state.saved ||
      undrawable.has(state.saved)
    )
      return null;
    const made = merge(state.saved, state.doc, theirs);
    return made.conflicts.length || made.fields.length ? null : made.doc;
  }

  function keepBoth(): void {
    const trouble = saver.state.trouble;
    const both = trouble?.kind === "conflict" ? bothOf(saver.state, trouble.theirs) : null;
    if (!both) return;
    store.edit({ kind: "replace", doc: reuseEqualParts(store.doc, both) }, { label: gettext("Keep both") });
    saver.mine();
  }

  function keepMine(): void {
    const trouble = saver.state.trouble;
    if (trouble?.kind !== "conflict") return;
    const mine = store.doc;
    if (!undrawable.has(trouble.theirs)) {
      // Two steps in the history, so that undo shows theirs.
      store.edit(
        { kind: "replace", doc: reuseEqualParts(mine, trouble.theirs) },
        { label: gettext("Use the other tab's version") },
      );
      store.edit({ kind: "replace", doc: mine }, { label: gettext("Keep mine") });
    }
    saver.mine();
  }

  function takeTheirs(): void {
    const trouble = saver.state.trouble;
    if (trouble?.kind !== "conflict") return;
    store.edit(
      { kind: "replace", doc: reuseEqualParts(store.doc, trouble.theirs) },
      { label: gettext("Use the other tab's version") },
    );
    saver.theirs(store.doc);
  }

  /** Restores the copy of a closed tab as an edit that undo reverts. */
  function restore(): void {
    const copy = waiting.shift();
    if (!copy) return;
    const { doc, trouble } = saver.state;
    if (isEqual(asJson(copy.doc), asJson(doc))) {
      void copies.remove(copy.tab);
      restore();
      return;
    }
    if (trouble?.kind === "conflict") {
      waiting.unshift(copy);
      return;
    }
    const untouched = isSaved(saver.state);
    const now = saver.state.ground;
    const fits =
      untouched && copy.ground.tag === now.tag && copy.ground.drafted === now.drafted && copy.ground.base === now.base;
    const before = store.doc;
    store.edit(
      { kind: "replace", doc: reuseEqualParts(before, copy.doc) },
      { label: gettext("Restore unsaved changes") },
    );
    if (fits) toast(gettext("Unsaved changes restored."));
    else {
      saver.clash(before, { ...now, base: copy.ground.tag === now.tag ? copy.ground.base : now.base });
    }
    // The old copy is removed once this tab has stored its own.
    copies.keep(store.doc, saver.state.ground);
    void copies.flush().then(() => {
      if (copies.has(store.doc) || isSaved(saver.state)) void copies.remove(copy.tab);
    });
    if (fits) restore();
  }

  store.listen((update) => {
    if (update.doc) saver.edited(store.doc);
  });
  window.addEventListener("beforeunload", (event) => {
    commitPendingInput();
    // Written while the browser asks whether to leave: after that, writing may fail.
    void copies.flush();
    const { doc, trouble, sending } = saver.state;
    if (saver.atRisk && (trouble || !copies.has(doc) || sending === null)) event.preventDefault();
  });
  window.addEventListener("pagehide", () => void copies.flush());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) void copies.flush();
  });
  window.setInterval(() => showStatus(saver.state, isStored), AGE_MS);
  copies.ofClosedTabs().then(
    (left) => {
      waiting = left;
      restore();
    },
    () => able(false),
  );
  show();
  return {
    settle() {
      commitPendingInput();
      return saver.settle();
    },
    get ground() {
      return saver.state.ground;
    },
    grounded: (doc, ground) => saver.grounded(doc, ground),
  };
}
