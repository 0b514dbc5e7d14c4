/** Follows the published versions: the changes since the live version, and the base version of the draft. */

import { element, one } from "../../dom";
import { type DocumentChange, changesBetween } from "../../document/diff";
import type { Doc } from "../../document/document";
import { gettext } from "../../words/i18n";
import { afterDrawing } from "../after-first-paint";
import { baseText, isOutdated } from "./base-text";
import { freshen, startDrafting } from "./draft-base";
import type { Loaded } from "../draft";
import type { Editing, Published } from "../parts";
import { showRefusal } from "../../document/perform";
import { startPublishing } from "./publish-form";
import { Versions } from "./versions";

/** Milliseconds between two comparisons while the user edits. */
const PAUSE_MS = 150;
/** Milliseconds between two requests for newer versions when the page gets the focus. */
const LOOK_MS = 20_000;
const LARGE_MS = 2000;

export function startPublished(editing: Editing, loaded: Loaded): Published {
  const { facts, store } = editing;
  const versions = new Versions(facts.slug, () => store.doc, facts.newest, facts.live, facts.draftBase);
  // Without a draft the document is a version.
  if (loaded.savedAt === null && loaded.baseVersion !== null) versions.put(loaded.baseVersion, store.doc);
  const listeners: (() => void)[] = [];
  let ids: ReadonlySet<string> | null = null;
  let chosen = 0;
  let changes: readonly DocumentChange[] | null = null;
  let live: Doc | null = null;
  /** The document that `changes` were computed from. */
  let compared: Doc | null = null;
  let timer = 0;
  let looked = Date.now();

  const published: Published = {
    get ids() {
      if (ids && chosen !== store.chosenIds.size) ids = new Set([...ids, ...store.chosenIds]);
      chosen = store.chosenIds.size;
      return ids;
    },
    get newest() {
      return versions.newest;
    },
    get live() {
      return versions.live;
    },
    get liveDoc() {
      return live;
    },
    get changes() {
      return changes;
    },
    listen: (run) => listeners.push(run),
    compare,
  };

  function readIds(): void {
    const docs = [versions.newest, versions.live].map((number) =>
      number === null ? undefined : versions.peek(number),
    );
    if ((versions.newest !== null && !docs[0]) || (versions.live !== null && !docs[1])) return;
    chosen = store.chosenIds.size;
    ids = new Set([...docs.flatMap((doc) => doc?.nodes.map((node) => node.id) ?? []), ...store.chosenIds]);
  }

  function refresh(): void {
    window.clearTimeout(timer);
    timer = 0;
    live = versions.live === null ? null : (versions.peek(versions.live) ?? null);
    compared = store.doc;
    changes = versions.live === null ? [] : live && changesBetween(live, store.doc);
    if (marking) mark();
    for (const run of listeners) run();
  }

  // -- marks on the canvas ---------------------------------------------------------------------------

  let marking = false;

  function mark(): void {
    const added = new Set<string>();
    const changed = new Set<string>();
    for (const one of changes ?? []) {
      if (one.kind === "added") added.add(one.node.id);
      else if (one.kind === "changed") changed.add(one.node.id);
      else if (one.kind === "connected" || one.kind === "disconnected" || one.kind === "reordered")
        changed.add(one.edge.target);
    }
    store.setMarks({ against: "live", added, changed });
  }

  function compare(): void {
    if (marking) {
      marking = false;
      store.setMarks(null);
      return;
    }
    if (versions.live === null) {
      showRefusal(gettext("No version is live yet, so there is nothing to compare with."));
      return;
    }
    load().then(
      () => {
        marking = true;
        refresh();
        editing.drawer.show("changes");
      },
      () => showRefusal(gettext("The live version could not be loaded.")),
    );
  }

  // -- versions --------------------------------------------------------------------------------------

  async function load(): Promise<void> {
    await Promise.all([versions.document(versions.live), versions.document(versions.newest)]);
    readIds();
    if (compared !== store.doc || live !== (versions.live === null ? null : versions.peek(versions.live))) refresh();
  }

  /** Called when there are other versions than before. */
  function turned(): void {
    ids = null;
    showChip();
    load().catch(() => undefined);
    refresh();
    const button = one<HTMLButtonElement>("[data-compare]");
    if (button && versions.live !== null) {
      button.disabled = false;
      button.title = "";
    }
  }

  function look(): void {
    if (document.hidden || Date.now() - looked < LOOK_MS) return;
    looked = Date.now();
    versions.look().then(
      (news) => {
        if (news) {
          turned();
          freshen(editing, versions).then(showChip, () => undefined);
        } else if (!live || !ids) load().catch(() => undefined);
      },
      () => undefined,
    );
  }

  // -- the base version of the draft -----------------------------------------------------------------

  function showChip(): void {
    const chip = one("[data-draft-of]");
    const { base } = editing.saving.ground;
    if (!chip) return;
    const outdated = isOutdated(base, versions);
    const shown = baseText(base, versions);
    if (chip.textContent === shown && chip.matches("button") === outdated) return;
    // The form shows the differences and offers to merge them.
    const made = outdated ? element("button", "chip st-stuck", shown) : element("span", "chip", shown);
    if (made instanceof HTMLButtonElement) {
      made.type = "button";
      made.addEventListener("click", () => one("[data-publish]")?.click());
    }
    made.dataset["draftOf"] = "";
    chip.replaceWith(made);
  }

  readIds();
  if (versions.newest === null) refresh();
  store.listen((update) => {
    if (update.doc && !timer) timer = window.setTimeout(refresh, PAUSE_MS);
    if (update.saving) showChip();
    // Another part has removed or replaced the marks.
    if (update.marks && !store.marks) marking = false;
  });
  // Wait until all parts of the editor exist.
  queueMicrotask(() => {
    showChip();
    afterDrawing(store, LARGE_MS, () => void load().catch(() => undefined));
    startPublishing(editing, versions, turned);
    startDrafting(editing, versions);
  });
  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
  return published;
}
