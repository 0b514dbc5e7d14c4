/** Saves a document to the server: runs the save machine with a clock, requests and the browser's events. The graph
 * editor and the text editor each have one.
 */

import { isObject, type Json, type JsonObject } from "../../json";
import { ApiError, loadHtml, send } from "../../api/client";

import { fill, gettext } from "../../words/i18n";
import { type Event, type Failure, type Ground, isSaved, type Rules, type State, step } from "./machine";

const PATIENCE_MS = 30_000;
/** Browsers send at most 64 KiB for a page that is closed, in all its requests. */
const PARTING_BYTES_MAX = 48_000;

function isSentOnParting(text: string): boolean {
  // A UTF-16 unit is at most three bytes; only lengths between need the bytes.
  if (text.length > PARTING_BYTES_MAX || 3 * text.length <= PARTING_BYTES_MAX) return text.length <= PARTING_BYTES_MAX;
  return new TextEncoder().encode(text).length <= PARTING_BYTES_MAX;
}

export interface Request {
  readonly method: "PUT" | "PATCH";
  readonly text: string;
}

/** How one editor's documents are sent, read and compared. */
export interface Content<D> extends Omit<Rules<D>, "random"> {
  readonly slug: string;
  readonly user: string;
  /** Makes the request that turns `saved` into `doc`; `whole` sends the whole document. */
  request(saved: D, doc: D, base: number | null, whole: boolean): Request;
  /** Reads the server's document. */
  read(definition: JsonObject): D;
}

const draftAddress = (slug: string): string => `/api/v1/workflows/${encodeURIComponent(slug)}/draft/`;

export class Saver<D> {
  private timer = 0;
  private missed: string | null = null;
  private waiters: (() => void)[] = [];
  private readonly rules: Rules<D>;

  /** `changed` is called with every new state. */
  constructor(
    private readonly content: Content<D>,
    private now: State<D>,
    private readonly changed: (state: State<D>, before: State<D>) => void,
  ) {
    this.rules = { same: (a, b) => content.same(a, b), random: Math.random };
    window.addEventListener("online", () => this.save());
    window.addEventListener("focus", () => this.back());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.save(true) : this.back()));
    window.addEventListener("pagehide", () => this.save(true));
  }

  get state(): State<D> {
    return this.now;
  }

  edited(doc: D, blocked = false): void {
    this.on({ kind: "edited", doc, blocked });
  }

  /** Saves at once. `parting`: the request continues after the page is closed. */
  save(parting = false): void {
    this.on({ kind: "save_now" }, parting);
  }

  mine(): void {
    this.on({ kind: "mine" });
  }

  theirs(doc: D): void {
    this.on({ kind: "theirs", doc });
  }

  /** The document on the screen is based on another save than `theirs`. */
  clash(theirs: D, ground: Ground): void {
    this.on({ kind: "clash", theirs, ground });
  }

  /** The server's document changed without a save (published, discarded, rebased). */
  grounded(doc: D, ground: Ground): void {
    this.on({ kind: "replaced", doc, ground });
  }

  /** Another tab saved. */
  savedElsewhere(tag: string): void {
    // A hidden tab loads the other tab's save when it is shown again.
    if (document.hidden) this.missed = tag;
    else this.on({ kind: "saved_elsewhere", tag });
  }

  /** Whether closing the page may lose changes: they are unanswered, blocked, or too large to be sent on closing. */
  get atRisk(): boolean {
    const { doc, saved, ground, trouble, sending, blocked, whole } = this.now;
    if (isSaved(this.now) && !blocked) return false;
    if (trouble || blocked) return true;
    if (sending !== null) return true;
    return !isSentOnParting(this.content.request(saved, doc, ground.base, whole).text);
  }

  /** Waits until everything is saved. Throws an Error with a message for the user if that is not possible now. */
  async settle(): Promise<void> {
    this.save();
    const before = this.now.trouble;
    while (!isSaved(this.now) || this.now.blocked || this.now.trouble?.kind === "conflict") {
      if (
        this.now.blocked ||
        this.now.trouble?.kind === "conflict" ||
        (this.now.trouble && this.now.sending === null && !this.now.looking && this.now.trouble !== before)
      )
        throw new Error(whyUnsaved(this.now));
      await new Promise<void>((resolve) => this.waiters.push(resolve));
      if (!isSaved(this.now) && !this.now.trouble && this.now.sending === null && !this.now.looking) this.save();
    }
  }

  private back(): void {
    const { missed } = this;
    this.missed = null;
    if (missed !== null) this.on({ kind: "saved_elsewhere", tag: missed });
    if (this.now.trouble && this.now.trouble.kind !== "refused") this.save();
  }

  private on(event: Event<D>, parting = false): void {
    const before = this.now;
    const [next, effect] = step(before, event, Date.now(), this.rules);
    this.now = next;
    window.clearTimeout(this.timer);
    if (next.due !== null)
      this.timer = window.setTimeout(() => this.on({ kind: "due" }), Math.max(0, next.due - Date.now()) + 1);
    if (effect === "send") void this.send(parting);
    else if (effect === "look") void this.look();
    else if (effect === "check_session") void this.checkSession();
    if (next !== before) this.changed(next, before);
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  private async send(parting: boolean): Promise<void> {
    const { saved, sending, ground, whole } = this.now;
    if (sending === null) return;
    const { method, text } = this.content.request(saved, sending, ground.base, whole);
    // A patch applies only to the document it was made from. The tag only counts saves, so `on` tells whether that was
    // the draft or a version.
    const query = method === "PATCH" ? `?on=${ground.drafted ? "draft" : (ground.base ?? "empty")}` : "";
    const headers = {
      "If-Match": ground.tag,
      Prefer: "return=minimal",
      "Content-Type": method === "PATCH" ? "application/json-patch+json" : "application/json",
    };
    try {
      const answer = await send(method, draftAddress(this.content.slug) + query, text, headers, {
        keepalive: parting && isSentOnParting(text),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      this.on({ kind: "saved", tag: answer.etag ?? ground.tag });
    } catch (error) {
      this.on({ kind: "failed", failure: failureOf(error, method === "PATCH") });
    }
  }

  private async look(): Promise<void> {
    try {
      const answer = await send(
        "GET",
        `${draftAddress(this.content.slug)}?start=live`,
        null,
        {},
        { signal: AbortSignal.timeout(PATIENCE_MS) },
      );
      const found = readDraft(answer.body, answer.etag);
      this.on({ kind: "found", doc: this.content.read(found.definition), ground: found.ground });
    } catch (error) {
      this.on({ kind: "failed", failure: failureOf(error, false) });
    }
  }

  /** Loads this page again to see who is signed in, and takes over the CSRF token of the new session. */
  private async checkSession(): Promise<void> {
    try {
      const html = await loadHtml(location.pathname, { signal: AbortSignal.timeout(PATIENCE_MS) });
      const page = new DOMParser().parseFromString(html, "text/html");
      const token = page.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
      const user = userOf(page);
      if (user === null) {
        this.on({ kind: "failed", failure: { kind: "signed_out" } });
        return;
      }
      // As another user, nothing is saved: it would become that user's draft.
      const meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
      if (user === this.content.user && meta) meta.content = token;
      this.on({ kind: "signed_in", as: user === this.content.user ? null : user });
    } catch {
      this.on({ kind: "failed", failure: { kind: "signed_out" } });
    }
  }
}

/** Returns the user that an editor's page was rendered for; null: it is the sign-in page. */
function userOf(page: Document): string | null {
  const text = page.querySelector<HTMLElement>("[data-text-editor]")?.dataset["user"];
  if (text !== undefined) return text;
  try {
    const facts = JSON.parse(page.querySelector("#editor-facts")?.textContent ?? "null") as Json;
    return isObject(facts) && typeof facts["user"] === "string" ? facts["user"] : null;
  } catch {
    return null;
  }
}

function readDraft(
  body: JsonObject,
  etag: string | null,
): { readonly definition: JsonObject; readonly ground: Ground; readonly savedAt: string | null } {
  const definition = isObject(body["definition"]) ? body["definition"] : {};
  const base = body["base_version"];
  const savedAt = typeof body["saved_at"] === "string" ? body["saved_at"] : null;
  return {
    definition,
    ground: { tag: etag ?? '"0"', base: typeof base === "number" ? base : null, drafted: savedAt !== null },
    savedAt,
  };
}

function failureOf(error: unknown, patch: boolean): Failure {
  if (!(error instanceof ApiError)) return { kind: "unreachable", why: null };
  const { status, code, message } = error;
  if (status === 412) return { kind: "stale" };
  if (status === 401 || code === "csrf_failed") return { kind: "signed_out" };
  // 507 is a full disk: the server's message is shown, and the save is retried until there is room.
  if (status >= 500 || status === 429 || status === 408) return { kind: "unreachable", why: message };
  if (patch && (code === "patch_does_not_apply" || code === "bad_patch" || status === 415))
    return { kind: "misfit", why: message };
  if (status === 404) return { kind: "refused", why: gettext("This workflow no longer exists.") };
  return { kind: "refused", why: message };
}

/** Returns a message that says why the document is not saved. */
export function whyUnsaved<D>(state: State<D>): string {
  const trouble = state.trouble;
  switch (trouble?.kind) {
    case "offline":
      return trouble.why ?? gettext("The draft is not saved: you're offline.");
    case "conflict":
      return gettext("The draft is not saved: another tab saved first. Choose which one to keep.");
    case "signed_out":
      return trouble.as === null
        ? gettext("The draft is not saved: you are signed out.")
        : fill(gettext("The draft is not saved: you are signed in as {name}."), { name: trouble.as });
    case "refused":
      return trouble.why;
    default:
      return gettext("The draft is not saved.");
  }
}
