/** Checks the document while it is edited: the server's check after a short pause, and the browser's own in between.
 *
 * There is one request at a time, and only an answer about the present document counts. While the server cannot be
 * reached, the last problems stay, marked as old, and requests are repeated.
 */

import { isObject, type Json, type JsonObject } from "../../json";
import { ApiError, call, errorText, signedOut } from "../../api/client";
import { one } from "../../dom";
import { asJson, type Doc } from "../../document/document";

import { gettext } from "../../words/i18n";
import { afterDrawing } from "../after-first-paint";
import { type Answer, mergeProblems, onlyMoved, sameProblems } from "./local-checks";
import type { Checking, Editing } from "../parts";
import { readProblems } from "../../document/problems";
import type { CheckState, Column, Schemas } from "../../document/store";

const PAUSE_MS = 120;
/** Between requests about one document whose SQL takes the server more than one request to check. */
const CONTINUE_MS = 150;
const CONTINUE_MAX = 40;
const LARGE_MS = 700;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

class Checker implements Checking {
  why = "";
  private answer: Answer | null = null;
  private timer = 0;
  private running = false;
  private failures = 0;
  private continued = 0;
  /** Whether a run has shown columns that the answer does not take into account. */
  private stale = false;
  private columnsTag = "";
  private waiting: (() => void)[] = [];
  private readonly root = one("[data-editor]");

  constructor(private readonly editing: Editing) {
    const { store } = editing;
    let before = store.doc;
    let outputs = store.outputs;
    let first = true;
    store.listen((update) => {
      if (update.outputs && store.outputs !== outputs) {
        outputs = store.outputs;
        // The first check knows the columns that are loaded with the page.
        if (first && !this.answer) first = false;
        else {
          this.stale = true;
          if (!this.failures && !this.timer) this.later(PAUSE_MS);
        }
      }
      if (!update.doc) return;
      const moved = onlyMoved(before, store.doc);
      if (moved && this.answer?.doc === before) this.answer = { ...this.answer, doc: store.doc };
      before = store.doc;
      this.continued = 0;
      // Positions do not matter to the check, so its answer still holds.
      if (moved && this.answer?.doc === store.doc) this.show("checked");
      else {
        this.show("checking");
        if (!this.failures) this.later(PAUSE_MS);
      }
    });
    window.addEventListener("online", () => {
      if (this.failures) this.later(0);
    });
    // Not before the other parts listen.
    afterDrawing(store, LARGE_MS, () => {
      if (!this.answer && !this.running) this.later(0);
    });
  }

  settle(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    this.later(0);
    return new Promise((done) => this.waiting.push(done));
  }

  private get isOver(): boolean {
    return !this.running && !this.timer && this.editing.store.check !== "checking";
  }

  private later(ms: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      if (!this.running) void this.ask();
    }, ms);
  }

  private async ask(): Promise<void> {
    const { store, facts } = this.editing;
    const doc = store.doc;
    if (this.answer?.doc === doc && !this.continued && !this.stale && store.check === "checked") return this.finish();
    this.running = true;
    this.stale = false;
    try {
      const answer = await call("POST", `${facts.address}edit/check/`, {
        definition: asJson(doc),
        columns_tag: this.columnsTag,
      });
      this.failures = 0;
      this.why = "";
      this.take(doc, answer.body);
    } catch (error) {
      this.failed(error);
    } finally {
      this.running = false;
    }
    // Check again if the document was edited meanwhile.
    if (!this.timer && (store.check === "checking" || (this.stale && !this.failures))) this.later(0);
    this.finish();
  }

  private take(doc: Doc, body: JsonObject): void {
    const { store } = this.editing;
    if (!Array.isArray(body["problems"])) throw signedOut(body);
    if (!onlyMoved(doc, store.doc)) return;
    this.answer = { doc: store.doc, problems: readProblems(body["problems"]) };
    this.takeColumns(body);
    const complete = body["complete"] !== false || (this.continued += 1) > CONTINUE_MAX;
    if (complete) this.continued = 0;
    this.show(complete ? "checked" : "checking");
    if (!complete) this.later(CONTINUE_MS);
  }

  private takeColumns(body: JsonObject): void {
    const { store } = this.editing;
    const tag = body["columns_tag"];
    const columns = isObject(body["columns"]) ? readColumns(body["columns"]) : store.schemas;
    if (typeof tag === "string") this.columnsTag = tag;
    const fingerprints = new Map(
      Object.entries(isObject(body["fingerprints"]) ? body["fingerprints"] : {}).flatMap(([id, text]) =>
        typeof text === "string" ? [[id, text] as const] : [],
      ),
    );
    store.setSchemas(columns, fingerprints);
  }

  private failed(error: unknown): void {
    const refused = error instanceof ApiError && error.status < 500 && error.status !== 429;
    this.failures += 1;
    this.why = errorText(error, gettext("You're offline. Problems will be checked when you're back online."));
    this.show(refused ? "refused" : "offline");
    if (refused) this.failures = 0;
    else this.later(RETRY_MS[Math.min(this.failures, RETRY_MS.length) - 1] ?? 1000);
  }

  private show(check: CheckState): void {
    const { store } = this.editing;
    const list = mergeProblems(this.answer, store.doc, this.editing.facts.types);
    const same = sameProblems(list, store.problems);
    if (!same || store.check !== check || check !== "checking") store.setProblems(same ? store.problems : list, check);
    if (check === "checked" && this.root) this.root.dataset["checked"] = String(store.edits);
  }

  private finish(): void {
    // A failed check ends the wait too, for the next try may be far off.
    if (this.running || this.editing.store.check === "checking") return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const done of waiting) done();
  }
}

function readColumns(value: JsonObject): Schemas {
  const schemas = new Map<string, readonly Column[]>();
  for (const [node, columns] of Object.entries(value))
    if (Array.isArray(columns)) schemas.set(node, columns.flatMap(readColumn));
  return schemas;
}

function readColumn(value: Json): Column[] {
  return isObject(value) && typeof value["name"] === "string" && typeof value["type"] === "string"
    ? [{ name: value["name"], type: value["type"] }]
    : [];
}

export function startChecking(editing: Editing): Checking {
  return new Checker(editing);
}
