/** Stores unsaved documents in this browser, by user, workflow and tab, until the server has saved them.
 *
 * The record of a tab has a head (the save that the document is based on, and whether it has unsaved changes), the
 * document at the first edit, and the patches since. One transaction writes them together, so a record is complete
 * whenever the browser ends.
 */

import type { Ground } from "./machine";

const WRITE_DELAY_MS = 150;
/** After this many patches, or when they are longer than the document, the whole document is written again. */
const PARTS_MAX = 400;
const DATABASE = "interlock";
const STORE = "kept";
/** How long the other tabs of this browser have to claim their records. */
const ANSWER_MS = 200;

/** Converts documents to text and back. */
export interface CopyFormat<D> {
  /** Which editor wrote the copy: each restores only its own. */
  readonly kind: string;
  whole(doc: D): string;
  /** Returns the difference as text; null: it is not shorter than the document. */
  step(before: D, after: D): string | null;
  /** Null: the text cannot be read. */
  read(whole: string, steps: readonly string[]): D | null;
}

export interface LocalCopy<D> {
  readonly tab: string;
  readonly doc: D;
  readonly ground: Ground;
  /** When it was stored, in ms since 1970. */
  readonly at: number;
}

interface Head {
  readonly ground: Ground;
  readonly at: number;
  /** Number of valid parts after the head. */
  readonly parts: number;
  readonly unsaved: boolean;
}

type Key = readonly [place: string, tab: string, part: number];

/** Stores records as numbered parts of text; part 0 is the head. */
export interface CopyStorage {
  /** Writes all or nothing. `anew` removes the tab's old record first. Throws when the browser refuses. */
  write(place: string, tab: string, head: string, part: readonly [number, string] | null, anew: boolean): Promise<void>;
  /** Returns the parts of each tab, in order. */
  read(place: string): Promise<Map<string, string[]>>;
  drop(place: string, tab: string): Promise<void>;
}

export class LocalCopies<D> {
  /** The unsaved document that is stored; null: none. */
  private storedDoc: D | null = null;
  /** What is to be written next. */
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
    private readonly storage: CopyStorage,
    private readonly format: CopyFormat<D>,
    user: string,
    slug: string,
    /** Called with whether the last write succeeded. */
    private readonly able: (can: boolean) => void,
    /** Another tab saved this draft. */
    savedElsewhere: (tag: string) => void,
  ) {
    const random = crypto.getRandomValues(new Uint32Array(2));
    this.tab = `${(random[0] ?? 0).toString(36)}${(random[1] ?? 0).toString(36)}`;
    this.place = JSON.stringify([user, slug, format.kind]);
    this.channel =
      typeof BroadcastChannel === "undefined"
        ? null
        : new BroadcastChannel(`interlock.draft.${JSON.stringify([user, slug])}`);
    this.channel?.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== "object" || data === null) return;
      const { kind, tag } = data as { kind?: unknown; tag?: unknown };
      if (kind === "who") this.channel?.postMessage({ kind: "here", tab: this.tab });
      if (kind === "saved" && typeof tag === "string") savedElsewhere(tag);
    });
  }

  /** Stores an unsaved document soon. */
  keep(doc: D, ground: Ground): void {
    this.wanted = { doc, ground, unsaved: true };
    if (!this.timer) this.timer = window.setTimeout(() => void this.flush(), WRITE_DELAY_MS);
  }

  /** The server has saved the document. */
  saved(doc: D, ground: Ground): void {
    this.channel?.postMessage({ kind: "saved", tag: ground.tag });
    if (this.last === null && !this.wanted) return;
    this.wanted = { doc, ground, unsaved: false };
    void this.flush();
  }

  /** Returns whether the document would be restored if the browser ended now. */
  has(doc: D): boolean {
    return this.storedDoc === doc;
  }

  /** Writes at once. */
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
        // A private window or a full quota: the page shows it, and the next edit writes the whole document.
        this.last = null;
        this.storedDoc = null;
        if (unsaved) this.able(false);
        return;
      }
    }
  }

  private async put(doc: D, ground: Ground, unsaved: boolean): Promise<void> {
    const before = this.last;
    const head = (parts: number): string => JSON.stringify({ ground, at: Date.now(), parts, unsaved } satisfies Head);
    const step = before === null || before === doc || this.parts >= PARTS_MAX ? null : this.format.step(before, doc);
    if (before === doc) await this.storage.write(this.place, this.tab, head(this.parts), null, false);
    // A saved document needs no copy. The next edit writes one.
    else if (!unsaved && step === null) {
      await this.storage.write(this.place, this.tab, head(0), null, true);
      this.last = null;
      this.storedDoc = null;
      return;
    } else if (step !== null && this.size + step.length <= this.wholeSize + 20_000) {
      await this.storage.write(this.place, this.tab, head(this.parts + 1), [this.parts + 1, step], false);
      this.parts += 1;
      this.size += step.length;
    } else {
      const whole = this.format.whole(doc);
      await this.storage.write(this.place, this.tab, head(1), [1, whole], true);
      [this.parts, this.size, this.wholeSize] = [1, 0, whole.length];
    }
    this.last = doc;
    this.storedDoc = unsaved ? doc : null;
  }

  /** Returns the unsaved copies of closed tabs, newest first. Removes records without unsaved changes. */
  async ofClosedTabs(): Promise<LocalCopy<D>[]> {
    const records = await this.storage.read(this.place);
    records.delete(this.tab);
    if (!records.size) return [];
    for (const tab of await this.openTabs()) records.delete(tab);
    const found: LocalCopy<D>[] = [];
    for (const [tab, parts] of records) {
      const copy = this.readCopy(tab, parts);
      if (copy) found.push(copy);
      else await this.storage.drop(this.place, tab);
    }
    return found.sort((a, b) => b.at - a.at);
  }

  private readCopy(tab: string, texts: readonly string[]): LocalCopy<D> | null {
    try {
      const head = JSON.parse(texts[0] ?? "null") as Head | null;
      const whole = texts[1];
      if (!head?.unsaved || whole === undefined) return null;
      const doc = this.format.read(whole, texts.slice(2, head.parts + 1));
      return doc === null ? null : { tab, doc, ground: head.ground, at: head.at };
    } catch {
      return null;
    }
  }

  /** Asks the other open tabs for their names. */
  private async openTabs(): Promise<string[]> {
    const channel = this.channel;
    if (!channel) return [];
    const here: string[] = [];
    const receive = ({ data }: MessageEvent<unknown>): void => {
      const { kind, tab } = (typeof data === "object" && data !== null ? data : {}) as {
        kind?: unknown;
        tab?: unknown;
      };
      if (kind === "here" && typeof tab === "string") here.push(tab);
    };
    channel.addEventListener("message", receive);
    channel.postMessage({ kind: "who" });
    await new Promise((resolve) => window.setTimeout(resolve, ANSWER_MS));
    channel.removeEventListener("message", receive);
    return here;
  }

  /** Removes the copy of a closed tab once it is restored. */
  async remove(tab: string): Promise<void> {
    await this.storage.drop(this.place, tab).catch(() => undefined);
  }
}

/** Stores records in IndexedDB. */
export class BrowserStorage implements CopyStorage {
  private opened: Promise<IDBDatabase> | null = null;

  private open(): Promise<IDBDatabase> {
    this.opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => {
        const database = request.result;
        // The browser closes the database when its data is cleared or the disk is full. The next write opens it again.
        database.onclose = () => (this.opened = null);
        database.onversionchange = () => {
          database.close();
          this.opened = null;
        };
        resolve(database);
      };
      request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
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
      // A page that is being closed gets no later events, so the commit must not wait for them.
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

/** The keys that begin with `start`. In IndexedDB, an array sorts after every string and number. */
const range = (...start: string[]): IDBKeyRange => IDBKeyRange.bound(start, [...start, []]);
