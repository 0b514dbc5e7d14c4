/** Carries a document to the server and says how that stands: the save machine with its clock, its requests and the
 * browser's events. The drawn editor and the text editor each have one.
 */

import { isObject, type Json, type JsonObject } from "../../json";
import { ApiError, send } from "../../api/client";

import { fill, gettext } from "../../words/i18n";
import { type Event, type Failure, type Ground, isSaved, type Rules, type State, step } from "./machine";

const PATIENCE_MS = 30_000;
/** Browsers send no more than 64 KiB on behalf of a page that is gone. */
export const PARTING_MAX = 48_000;

export interface Request {
  readonly method: "PUT" | "PATCH";
  readonly text: string;
}

/** What is saved, and how. */
export interface Content<D> extends Omit<Rules<D>, "random"> {
  readonly slug: string;
  readonly user: string;
  /** The request that makes `doc` of `saved`; all of it when `whole`. */
  request(saved: D, doc: D, base: number | null, whole: boolean): Request;
  /** The server's document. */
  read(definition: JsonObject): D;
}

export const draftAddress = (slug: string): string => `/api/v1/workflows/${encodeURIComponent(slug)}/draft/`;

export class Saver<D> {
  private timer = 0;
  private missed: string | null = null;
  private waiters: (() => void)[] = [];
  private readonly rules: Rules<D>;

  /** `told` hears every new state. */
  constructor(
    private readonly content: Content<D>,
    private now: State<D>,
    private readonly told: (state: State<D>, before: State<D>) => void,
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

  /** Now; `parting`: by a request that outlives the page. */
  save(parting = false): void {
    this.on({ kind: "hurry" }, parting);
  }

  mine(): void {
    this.on({ kind: "mine" });
  }

  theirs(doc: D): void {
    this.on({ kind: "theirs", doc });
  }

  /** What is on the screen builds on another save. */
  clash(theirs: D, ground: Ground): void {
    this.on({ kind: "clash", theirs, ground });
  }

  /** The server holds this otherwise than by a save. */
  grounded(doc: D, ground: Ground): void {
    this.on({ kind: "grounded", doc, ground });
  }

  /** Another tab saved. */
  heard(tag: string): void {
    // A tab in the background need not follow every save of the one in front.
    if (document.hidden) this.missed = tag;
    else this.on({ kind: "told", tag });
  }

  /** Whether what is not saved would be lost with the page: it is not on its way, or cannot be sent as the page goes. */
  get atRisk(): boolean {
    const { doc, saved, ground, trouble, sending, blocked, whole } = this.now;
    if (isSaved(this.now) && !blocked) return false;
    if (trouble || blocked) return true;
    if (sending !== null) return true;
    return this.content.request(saved, doc, ground.base, whole).text.length > PARTING_MAX;
  }

  /** Saved. Raises an Error with a sentence for people when it cannot be now. */
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
    if (missed !== null) this.on({ kind: "told", tag: missed });
    if (this.now.trouble && this.now.trouble.kind !== "refused") this.save();
  }

  private on(event: Event<D>, parting = false): void {
    const before = this.now;
    const [next, wish] = step(before, event, Date.now(), this.rules);
    this.now = next;
    window.clearTimeout(this.timer);
    if (next.due !== null)
      this.timer = window.setTimeout(() => this.on({ kind: "due" }), Math.max(0, next.due - Date.now()) + 1);
    if (wish === "send") void this.send(parting);
    else if (wish === "look") void this.look();
    else if (wish === "knock") void this.knock();
    if (next !== before) this.told(next, before);
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  private async send(parting: boolean): Promise<void> {
    const { saved, sending, ground, whole } = this.now;
    if (sending === null) return;
    const { method, text } = this.content.request(saved, sending, ground.base, whole);
    // A patch fits only what it was made from. The tag counts saves; whether there is a draft at all it does not say.
    const query = method === "PATCH" ? `?on=${ground.drafted ? "draft" : (ground.base ?? "empty")}` : "";
    const headers = {
      "If-Match": ground.tag,
      Prefer: "return=minimal",
      "Content-Type": method === "PATCH" ? "application/json-patch+json" : "application/json",
    };
    try {
      const answer = await send(method, draftAddress(this.content.slug) + query, text, headers, {
        keepalive: parting && text.length < PARTING_MAX,
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
        draftAddress(this.content.slug),
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

  /** Asks for this page anew: whoever is signed in gets it, with the token that writes of the new session need. */
  private async knock(): Promise<void> {
    try {
      const response = await fetch(location.pathname, {
        credentials: "same-origin",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const page = new DOMParser().parseFromString(response.ok ? await response.text() : "", "text/html");
      const token = page.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
      const user = userOf(page);
      if (user === null) {
        this.on({ kind: "failed", failure: { kind: "signed_out" } });
        return;
      }
      // As somebody else nothing is written: it would become their draft.
      const meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
      if (user === this.content.user && meta) meta.content = token;
      this.on({ kind: "signed_in", as: user === this.content.user ? null : user });
    } catch {
      this.on({ kind: "failed", failure: { kind: "signed_out" } });
    }
  }
}

/** Who the page of an editor was made for; null: it is another page, to sign in. */
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

export function readDraft(
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
  // 507 is a full disk: it is told in the server's words, and tried again until there is room.
  if (status >= 500 || status === 429 || status === 408) return { kind: "unreachable", why: message };
  if (patch && (code === "patch_does_not_apply" || code === "bad_patch" || status === 415))
    return { kind: "misfit", why: message };
  if (status === 404) return { kind: "refused", why: gettext("This workflow is gone.") };
  return { kind: "refused", why: message };
}

/** Why it is not saved, as a sentence. */
export function whyUnsaved<D>(state: State<D>): string {
  const trouble = state.trouble;
  switch (trouble?.kind) {
    case "offline":
      return trouble.why ?? gettext("The draft is not saved: the server cannot be reached.");
    case "conflict":
      return gettext("The draft is not saved: another tab saved first. Choose which one to keep.");
    case "signed_out":
      return trouble.as === null
        ? gettext("The draft is not saved: you are signed out.")
        : fill(gettext("The draft is not saved: {name} is signed in now."), { name: trouble.as });
    case "refused":
      return trouble.why;
    default:
      return gettext("The draft is not saved.");
  }
}
