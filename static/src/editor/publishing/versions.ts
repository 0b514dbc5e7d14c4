/** The numbers of the newest and the live version and of the one that a new draft starts from, and the documents of versions, each of which is loaded once. */

import { isObject, type Json } from "../../json";
import { call } from "../../api/client";
import { type Doc, emptyDocument, readDocument } from "../../document/document";

import { gettext } from "../../words/i18n";
import { reuseEqualParts } from "../../document/reuse";

export class Versions {
  private readonly known = new Map<number, Doc>();
  private readonly asked = new Map<number, Promise<Doc>>();

  constructor(
    private readonly slug: string,
    /** The edited document. Loaded versions reuse its equal parts. */
    private readonly here: () => Doc,
    public newest: number | null,
    public live: number | null,
    /** The version that a new draft starts from: after a rollback the live one, else the newest. */
    public start: number | null,
  ) {}

  private get address(): string {
    return `/api/v1/workflows/${encodeURIComponent(this.slug)}/`;
  }

  /** Returns a version if it is loaded. */
  peek(number: number): Doc | undefined {
    return this.known.get(number);
  }

  put(number: number, doc: Doc): void {
    this.known.set(number, doc);
  }

  /** Returns the document of a version; null: the empty document. Throws what `call` throws. */
  document(number: number | null): Promise<Doc> {
    if (number === null) return Promise.resolve(emptyDocument());
    const there = this.known.get(number);
    if (there) return Promise.resolve(there);
    let asked = this.asked.get(number);
    if (!asked) {
      asked = this.ask(number).finally(() => this.asked.delete(number));
      this.asked.set(number, asked);
    }
    return asked;
  }

  private async ask(number: number): Promise<Doc> {
    const { body } = await call("GET", `${this.address}versions/${number}/`);
    const doc = isObject(body["definition"]) ? readDocument(body["definition"]) : null;
    if (!doc) throw new Error(gettext("This version cannot be shown as a graph."));
    const shared = reuseEqualParts(this.here(), doc);
    this.known.set(number, shared);
    return shared;
  }

  /** Requests the present version numbers. Returns whether they have changed. */
  async look(): Promise<boolean> {
    const { body } = await call("GET", this.address);
    const live = isObject(body["live"]) ? number(body["live"]["version"]) : null;
    const newest = number(body["newest"]);
    const start = number(body["draft_base"]);
    if (live === this.live && newest === this.newest && start === this.start) return false;
    this.live = live;
    this.newest = newest;
    this.start = start;
    return true;
  }
}

const number = (value: Json | undefined): number | null => (typeof value === "number" ? value : null);
