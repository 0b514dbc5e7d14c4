/** Keeps what is not saved yet in this browser: at once, by person, workflow and tab, until the server has it.
 *
 * A tab's record is its document as it was at the first edit, the patches since, and a head: what the whole builds on and
 * whether any of it is unsaved. One transaction writes them together, so a record is whole whenever the browser dies.
 */

import type { Ground } from "./machine";

export const KEEP_MS = 150;
/** A chain of patches is written anew as a document when it is this long, or longer than the document itself. */
const PARTS_MAX = 400;
const DATABASE = "interlock";
const STORE = "kept";
/** Time for the other tabs of this browser to say that a record is theirs. */
const ANSWER_MS = 200;

/** How a document becomes text and back, and what leads from one to another. */
export interface Keepable<D> {
  /** Drawn or text: each takes up only what it kept itself. */
  readonly kind: string;
  whole(doc: D): string;
  /** The step from one to the other; null: it is not shorter than the whole. */
  step(before: D, after: D): string | null;
  /** Null: what was kept cannot be read. */
  read(whole: string, steps: readonly string[]): D | null;
}

export interface Kept<D> {
  readonly tab: string;
  readonly doc: D;
  readonly ground: Ground;
  /** When, in ms since 1970. */
  readonly at: number;
}

interface Head {
  readonly ground: Ground;
  readonly at: number;
  /** Parts after the head that count. */
  readonly parts: number;
  readonly unsaved: boolean;
}

type Key = readonly [place: string, tab: string, part: number];

/** Where records are kept. A part is text, part 0 is the head. */
export interface Shelf {
  /** All or nothing. `anew`: the tab's record is another one. Raises when the browser refuses. */
  write(place: string, tab: string, head: string, part: readonly [number, string] | null, anew: boolean): Promise<void>;
  /** The parts of each tab, in order. */
  read(place: string): Promise<Map<string, string[]>>;
  drop(place: string, tab: string): Promise<void>;
}

export class Keeper<D> {
  /** What is kept now: null, nothing that would be missed. */
  private keptDoc: D | null = null;
  private wanted: { readonly doc: D; readonly ground: Ground; readonly unsaved: boolean } | null = null;
  private last: D | null = null;
  private parts = 0;
  private size = 0;
  private wholeSize = 0;
  private timer = 0;
  private writing: Promise<void> | null = null;
  private readonly channel: BroadcastChannel | null;
  readonly tab: string;
  private readonly place: string;

  constructor(
    private readonly shelf: Shelf,
    private readonly keepable: Keepable<D>,
    user: string,
    slug: string,
    /** The browser keeps nothing (again): false, or true after all. */
    private readonly able: (can: boolean) => void,
    /** Another tab saved this draft. */
    heard: (tag: string) => void,
  ) {
    const random = crypto.getRandomValues(new Uint32Array(2));
    this.tab = `${(random[0] ?? 0).toString(36)}${(random[1] ?? 0).toString(36)}`;
    this.place = JSON.stringify([user, slug, keepable.kind]);
    this.channel =
      typeof BroadcastChannel === "undefined"
        ? null
        : new BroadcastChannel(`interlock.draft.${JSON.stringify([user, slug])}`);
    this.channel?.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== "object" || data === null) return;
      const { kind, tag } = data as { kind?: unknown; tag?: unknown };
      if (kind === "who") this.channel?.postMessage({ kind: "here", tab: this.tab });
      if (kind === "saved" && typeof tag === "string") heard(tag);
    });
  }

  /** The document on the screen, as far as it is not saved. */
  keep(doc: D, ground: Ground): void {
    this.wanted = { doc, ground, unsaved: true };
    if (!this.timer) this.timer = window.setTimeout(() => void this.flush(), KEEP_MS);
  }

  /** The server has it. */
  saved(doc: D, ground: Ground): void {
    this.channel?.postMessage({ kind: "saved", tag: ground.tag });
    if (this.last === null && !this.wanted) return;
    this.wanted = { doc, ground, unsaved: false };
    void this.flush();
  }

  /** Whether this document would be found again if the browser died now. */
  has(doc: D): boolean {
    return this.keptDoc === doc;
  }

  /** Writes what is wanted now. */
  flush(): Promise<void> {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.writing ??= this.write().finally(() => {
      this.writing = null;
    });
    return this.writing;
  }

  private async write(): Promise<void> {
    while (this.wanted) {
      const { doc, ground, unsaved } = this.wanted;
      this.wanted = null;
      try {
        await this.put(doc, ground, unsaved);
        this.able(true);
      } catch {
        // Private windows, full quotas: the page says so, and what is edited next is tried again, whole.
        this.last = null;
        this.keptDoc = null;
        if (unsaved) this.able(false);
        return;
      }
    }
  }

  private async put(doc: D, ground: Ground, unsaved: boolean): Promise<void> {
    const before = this.last;
    const head = (parts: number): string => JSON.stringify({ ground, at: Date.now(), parts, unsaved } satisfies Head);
    const step = before === null || before === doc || this.parts >= PARTS_MAX ? null : this.keepable.step(before, doc);
    if (before === doc) await this.shelf.write(this.place, this.tab, head(this.parts), null, false);
    // What is saved needs no new copy of the document: the next edit brings one.
    else if (!unsaved && step === null) {
      await this.shelf.write(this.place, this.tab, head(0), null, true);
      this.last = null;
      this.keptDoc = null;
      return;
    } else if (step !== null && this.size + step.length <= this.wholeSize + 20_000) {
      await this.shelf.write(this.place, this.tab, head(this.parts + 1), [this.parts + 1, step], false);
      this.parts += 1;
      this.size += step.length;
    } else {
      const whole = this.keepable.whole(doc);
      await this.shelf.write(this.place, this.tab, head(1), [1, whole], true);
      [this.parts, this.size, this.wholeSize] = [1, 0, whole.length];
    }
    this.last = doc;
    this.keptDoc = unsaved ? doc : null;
  }

  /** What tabs that are gone have left unsaved, newest first. Records without any are cleared away. */
  async left(): Promise<Kept<D>[]> {
    const records = await this.shelf.read(this.place);
    records.delete(this.tab);
    if (!records.size) return [];
    for (const tab of await this.others()) records.delete(tab);
    const found: Kept<D>[] = [];
    for (const [tab, parts] of records) {
      const kept = this.understood(tab, parts);
      if (kept) found.push(kept);
      else await this.shelf.drop(this.place, tab);
    }
    return found.sort((a, b) => b.at - a.at);
  }

  private understood(tab: string, texts: readonly string[]): Kept<D> | null {
    try {
      const head = JSON.parse(texts[0] ?? "null") as Head | null;
      const whole = texts[1];
      if (!head?.unsaved || whole === undefined) return null;
      const doc = this.keepable.read(whole, texts.slice(2, head.parts + 1));
      return doc === null ? null : { tab, doc, ground: head.ground, at: head.at };
    } catch {
      return null;
    }
  }

  private async others(): Promise<string[]> {
    const channel = this.channel;
    if (!channel) return [];
    const here: string[] = [];
    const hear = ({ data }: MessageEvent<unknown>): void => {
      const { kind, tab } = (typeof data === "object" && data !== null ? data : {}) as {
        kind?: unknown;
        tab?: unknown;
      };
      if (kind === "here" && typeof tab === "string") here.push(tab);
    };
    channel.addEventListener("message", hear);
    channel.postMessage({ kind: "who" });
    await new Promise((resolve) => window.setTimeout(resolve, ANSWER_MS));
    channel.removeEventListener("message", hear);
    return here;
  }

  /** What another tab left is taken up or given up. */
  async forget(tab: string): Promise<void> {
    await this.shelf.drop(this.place, tab).catch(() => undefined);
  }
}

/** The browser's own database. */
export class BrowserShelf implements Shelf {
  private opened: Promise<IDBDatabase> | null = null;

  private open(): Promise<IDBDatabase> {
    this.opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open(DATABASE, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
      asked.onsuccess = () => {
        const database = asked.result;
        // The browser may close it (its data are cleared, its disk is full): the next write opens it anew.
        database.onclose = () => (this.opened = null);
        database.onversionchange = () => {
          database.close();
          this.opened = null;
        };
        resolve(database);
      };
      asked.onerror = () => reject(asked.error ?? new Error("IndexedDB"));
    });
    this.opened.catch(() => (this.opened = null));
    return this.opened;
  }

  private async within(mode: IDBTransactionMode, run: (store: IDBObjectStore) => void): Promise<void> {
    const database = await this.open();
    await new Promise<void>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "relaxed" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB"));
      run(transaction.objectStore(STORE));
      // A page that is being left waits for nothing.
      if (mode === "readwrite") transaction.commit();
    });
  }

  async write(
    place: string,
    tab: string,
    head: string,
    part: readonly [number, string] | null,
    anew: boolean,
  ): Promise<void> {
    await this.within("readwrite", (store) => {
      if (anew) store.delete(range(place, tab));
      store.put(head, [place, tab, 0]);
      if (part) store.put(part[1], [place, tab, part[0]]);
    });
  }

  async read(place: string): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    await this.within("readonly", (store) => {
      store.openCursor(range(place)).onsuccess = ({ target }) => {
        const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
        if (!cursor) return;
        const [, tab] = cursor.key as unknown as Key;
        found.set(tab, [...(found.get(tab) ?? []), String(cursor.value)]);
        cursor.continue();
      };
    });
    return found;
  }

  async drop(place: string, tab: string): Promise<void> {
    await this.within("readwrite", (store) => store.delete(range(place, tab)));
  }
}

/** A list sorts after every text and number. */
const range = (...start: string[]): IDBKeyRange => IDBKeyRange.bound(start, [...start, []]);
