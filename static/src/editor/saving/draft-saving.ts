/** Saves the draft as it is drawn: kept in this browser at once, sent within a second, never over somebody else's save. */

import { isObject, type Json, type JsonObject, isEqual } from "../../json";
import { serverNow } from "../../behaviours/clock";
import { toast } from "../../behaviours/toast";
import { debounced, one } from "../../dom";
import { asJson, type Doc, emptyDocument, readDocument } from "../../document/document";
import { merge } from "../../document/merge";
import { applyPatch, patchBetween, readOperations } from "../../document/patch";

import { fill, gettext } from "../../words/i18n";
import { differences, summary } from "./conflict";
import { BrowserShelf, type Keepable, Keeper, type Kept } from "./local-copies";
import type { Loaded } from "../draft";
import type { Editing, Saving } from "../parts";
import { begun, isSaved, type State } from "./machine";
import { type Notice, NoticePlace, showStatus, troubleNotice } from "./notice";
import { type Content, Saver, type Request, whyUnsaved } from "./saver";
import { reuseEqualParts } from "../../document/reuse";
import { takeTyped } from "./pending-input";

/** How long differences may be behind while one draws on beside them. */
const DIFFER_MS = 400;
const AGE_MS = 5000;

/** Documents that another editor saved and that cannot be drawn: only their text is of use. */
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
    // Counting what the whole would be is dear; a patch is nearly always the shorter one by far.
    if (operations.length && (text.length < 4000 || text.length < JSON.stringify(doc).length))
      return { method: "PATCH", text };
  }
  return { method: "PUT", text: JSON.stringify({ definition: doc, base_version: base }) };
}

const keepable: Keepable<Doc> = {
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
  let keeps = true;
  let marked = false;
  /** What is left of other tabs, after the one on the screen. */
  let waiting: Kept<Doc>[] = [];

  const content: Content<Doc> = {
    slug: facts.slug,
    user: facts.user,
    request: patchRequest,
    read: drawable,
    same: (a, b) => isEqual(asJson(a), asJson(b)),
  };
  const saver = new Saver<Doc>(content, begun(server, ground, savedAt), told);
  const keeper = new Keeper<Doc>(new BrowserShelf(), keepable, facts.user, facts.slug, able, (tag) => saver.heard(tag));

  function able(can: boolean): void {
    if (can === keeps) return;
    keeps = can;
    show();
  }

  function told(state: State<Doc>, before: State<Doc>): void {
    if (isSaved(state)) {
      if (state.ground.tag !== before.ground.tag || !isSaved(before)) keeper.saved(state.doc, state.ground);
    } else if (state.doc !== before.doc || state.ground !== before.ground || isSaved(before))
      keeper.keep(state.doc, state.ground);
    if (before.trouble?.kind === "offline" && !state.trouble && isSaved(state))
      toast(gettext("The server is back: everything is saved."));
    show();
    if (before.trouble?.kind === "conflict" && state.trouble?.kind !== "conflict") {
      takeUp();
    }
  }

  const soonDiffer = debounced(DIFFER_MS, () => notices.show(notice(saver.state)));

  function show(): void {
    const state = saver.state;
    showStatus(state, keeps);
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
            text: gettext("Nothing was written over. What was saved there cannot be drawn."),
            actions: [{ label: gettext("Keep mine"), run: keepMine }],
            link: { label: gettext("Open theirs as text"), address: `${facts.address}edit/text/` },
          };
        const found = differences(state.doc, trouble.theirs, facts.types);
        if (!store.marks || marked) {
          marked = true;
          store.setMarks({ against: "save", added: new Set(found.mine), changed: new Set(found.unlike) });
        }
        const title = trouble.kept
          ? gettext("Kept in this browser: work that was never saved")
          : gettext("Your draft was saved from another tab");
        const about = trouble.kept
          ? gettext("It stands here now, but builds on an older save. Nothing was written over.")
          : gettext("Nothing was written over, and what you draw here stays.");
        return {
          kind: "conflict",
          title,
          text: `${about} ${fill(gettext("{differences}. Whichever you keep, undo brings the other one back."), { differences: summary(found) || gettext("They differ in the order of nodes or edges") })}`,
          lines: found.lines,
          actions: [
            ...(bothOf(state, trouble.theirs) ? [{ label: gettext("Keep both"), run: keepBoth, primary: true }] : []),
            { label: gettext("Keep mine"), run: keepMine },
            { label: gettext("Take theirs"), run: takeTheirs },
          ],
        };
      }
      default:
        return troubleNotice(state, keeps, facts.user, () => saver.save());
    }
  }

  /** Both sides in one document; null: they touched the same place, or what both began with is not known. */
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
      // Through the history, so that theirs is one step back.
      store.edit({ kind: "replace", doc: reuseEqualParts(mine, trouble.theirs) }, { label: gettext("Take theirs") });
      store.edit({ kind: "replace", doc: mine }, { label: gettext("Keep mine") });
    }
    saver.mine();
  }

  function takeTheirs(): void {
    const trouble = saver.state.trouble;
    if (trouble?.kind !== "conflict") return;
    store.edit({ kind: "replace", doc: reuseEqualParts(store.doc, trouble.theirs) }, { label: gettext("Take theirs") });
    saver.theirs(store.doc);
  }

  /** Work that a tab left behind is an edit of this one: undo takes it back. */
  function takeUp(): void {
    const kept = waiting.shift();
    if (!kept) return;
    const { doc, trouble } = saver.state;
    if (isEqual(asJson(kept.doc), asJson(doc))) {
      void keeper.forget(kept.tab);
      takeUp();
      return;
    }
    if (trouble?.kind === "conflict") {
      waiting.unshift(kept);
      return;
    }
    const untouched = isSaved(saver.state);
    const now = saver.state.ground;
    const fits =
      untouched && kept.ground.tag === now.tag && kept.ground.drafted === now.drafted && kept.ground.base === now.base;
    const before = store.doc;
    store.edit(
      { kind: "replace", doc: reuseEqualParts(before, kept.doc) },
      { label: gettext("Take up what was kept") },
    );
    if (fits) toast(gettext("What was not saved yet is back."));
    else {
      saver.clash(before, { ...now, base: kept.ground.tag === now.tag ? kept.ground.base : now.base });
    }
    // Only when this tab keeps it itself.
    keeper.keep(store.doc, saver.state.ground);
    void keeper.flush().then(() => {
      if (keeper.has(store.doc) || isSaved(saver.state)) void keeper.forget(kept.tab);
    });
    if (fits) takeUp();
  }

  store.listen((update) => {
    if (update.doc) saver.edited(store.doc);
  });
  window.addEventListener("beforeunload", (event) => {
    takeTyped();
    // While the browser asks: once it is left, nothing is sure to be written any more.
    void keeper.flush();
    const { doc, trouble, sending } = saver.state;
    if (saver.atRisk && (trouble || !keeper.has(doc) || sending === null)) event.preventDefault();
  });
  window.addEventListener("pagehide", () => void keeper.flush());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) void keeper.flush();
  });
  window.setInterval(() => showStatus(saver.state, keeps), AGE_MS);
  keeper.left().then(
    (left) => {
      waiting = left;
      takeUp();
    },
    () => able(false),
  );
  show();
  return {
    settle() {
      takeTyped();
      return saver.settle();
    },
    get ground() {
      return saver.state.ground;
    },
    grounded: (doc, ground) => saver.grounded(doc, ground),
  };
}
