/** The log of a run: any of a million lines by its number, opened at the end, where it follows new lines. What is being
 * read never moves; one selection of lines, one search, one node (the store's), one least level. */

import { toast } from "../../behaviours/toast";
import { debounced, one, setAttribute, setHidden, setText, throttled, isTyping } from "../../dom";
import type { LogLine } from "../../live/protocol";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, RUN_ENDED, visible } from "../../words/words";
import { Coming } from "../loading";
import { emptyRow, fillRow, moved, plain, type Shown } from "./log-line";
import { LogSource } from "./log-source";
import { Marking } from "./selection";
import type { SeqRanges } from "./ranges";
import { type Direction, following, type Query, Search } from "./search";
import type { RunStore } from "../store";
import { Windowed } from "../virtual-list";

const ROW = 19;
const ROW_NARROW = 38;
/** Rows above and below those in view whose text is asked for ahead. */
const AHEAD = 120;
const COPY_MAX = 10_000;
const SEARCH_MS = 250;
const AGAIN_MS = 2000;
/** Lines that are told one by one to who listens; more come as a number, and not more often than this. */
const SAID_MS = 4000;

interface Place {
  readonly seq: number;
  /** Pixels between the upper edge and the line. */
  readonly below: number;
}

export class LogView {
  private readonly scroller: HTMLElement;
  private readonly list: Windowed;
  private readonly source: LogSource;
  private readonly marking: Marking;
  private readonly coming: Coming;
  private readonly narrow = window.matchMedia("(max-width: 640px)");
  private query: Query = { node: "", level: "", text: "" };
  /** Only lines with a hit are shown. */
  private only = false;
  /** What the level lets through; null: it lets all. */
  private level: Search | null = null;
  private found: Search | null = null;
  /** Number of the hit that was gone to; 0: none. */
  private hit = 0;
  private follows = true;
  /** The last line when new ones were still followed: what came since is unread. */
  private readUpTo = 0;
  /** The line that is to stand at the upper edge once the search has come to it. */
  private awaited: Place | null = null;
  private unsaid = 0;
  private frame = 0;
  private trying = 0;
  private look: Shown = { text: "", left: 0, width: 200 };
  private charWidth = 7.2;

  constructor(
    private readonly store: RunStore,
    private readonly root: ParentNode = document,
  ) {
    const scroller = one("[data-logs]", root);
    const sizer = one("[data-log-sizer]", root);
    if (!scroller || !sizer) throw new Error("The page has no place for logs.");
    this.scroller = scroller;
    this.query = { ...this.query, node: store.chosen };
    this.source = new LogSource(store.id, () => this.later(true));
    const rows = {
      render: (index: number, row: HTMLElement | null) => this.render(index, row),
      shown: (first: number, last: number) => this.shown(first, last),
    };
    this.list = new Windowed(scroller, sizer, rows, this.narrow.matches ? ROW_NARROW : ROW);
    this.marking = new Marking(scroller, this.list, {
      seqAt: (index) => this.rows.at(index),
      redraw: () => this.list.redraw(),
      copy: (event) => void this.copy(event),
    });
    this.narrow.addEventListener("change", () => this.list.setRowHeight(this.narrow.matches ? ROW_NARROW : ROW));
    this.coming = new Coming(
      scroller.parentElement ?? scroller,
      gettext("The log could not be loaded"),
      () => void this.open(),
    );
    this.coming.begin();
    this.controls();
    this.label();
    store.listen((change) => {
      if (change.snapshot) void this.open();
      else if (change.lines.length) this.take(change.lines);
      if (change.chosen) this.ofNode(store.chosen);
      if (change.snapshot || change.run) this.status();
    });
  }

  toggleFollow(): void {
    this.follow(!this.follows);
  }

  focus(): void {
    this.scroller.focus();
  }

  /** Puts the cursor into the search. */
  search(): void {
    one<HTMLInputElement>("[data-log-search]", this.root)?.select();
  }

  /** The numbers of the lines that are shown. */
  private get rows(): SeqRanges {
    if (this.only && this.found) return this.found.hits;
    return this.level ? this.level.hits : this.source.of(this.query.node);
  }

  private async open(): Promise<void> {
    try {
      await this.source.catchUp();
    } catch (error) {
      // What comes meanwhile is kept. Lines that are there say more than that newer ones are missing.
      if (!this.source.ready) this.coming.failed(error);
      window.clearTimeout(this.trying);
      this.trying = window.setTimeout(() => void this.open(), AGAIN_MS);
      return;
    }
    this.coming.done();
    this.grown(0);
  }

  private take(lines: readonly LogLine[]): void {
    const before = this.source.all.count;
    this.source.take(lines);
    this.grown(this.source.all.count - before);
  }

  /** There are new lines. */
  private grown(added: number): void {
    this.unsaid += added;
    this.searchOn();
    this.later(false);
    if (added) this.tell();
  }

  /** Draws in the next frame, whatever came until then. */
  private later(texts: boolean): void {
    if (texts) this.stale = true;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.update();
    });
  }
  private stale = false;
  private lastCount = 0;

  private update(): void {
    const { count: lines } = this.rows;
    if (this.follows) this.readUpTo = this.source.all.last;
    if (lines !== this.lastCount) {
      this.lastCount = lines;
      this.list.setCount(lines);
      if (this.follows) this.list.toEnd();
      else this.await();
    }
    if (this.stale) {
      this.stale = false;
      this.list.redraw();
    }
    this.status();
  }

  // What is shown

  private ofNode(node: string): void {
    if (this.query.node !== node) this.ask({ ...this.query, node });
  }

  /** Shows other lines: the one at the upper edge, or the first one after it, stays there. */
  private ask(query: Query): void {
    const kept = this.anchor();
    const other = query.node !== this.query.node || query.level !== this.query.level;
    const text = query.text !== this.query.text;
    this.query = query;
    if (other) {
      this.level?.cancel();
      this.level = query.level ? this.begin({ ...query, text: "" }) : null;
    }
    if (other || text) {
      this.found?.cancel();
      this.hit = 0;
      this.found = query.text ? this.begin(query) : null;
    }
    this.look = { ...this.look, text: query.text };
    this.label();
    this.arrange(kept);
  }

  private begin(query: Query): Search {
    const search = new Search(this.store.id, query, (one) => this.searched(one));
    void search.until(this.source.all.last);
    return search;
  }

  private readonly searchOn = throttled(SEARCH_MS, () => {
    void this.level?.until(this.source.all.last);
    void this.found?.until(this.source.all.last);
  });

  private searched(search: Search): void {
    if (search !== this.level && search !== this.found) return;
    if (search === this.found && !this.hit && !this.only && search.hits.count) {
      // The first hit at what is read, or the last one before it once there is none after.
      const { seq } = this.anchor();
      const place = search.hits.place(seq);
      if (place < search.hits.count) this.goTo(place);
      else if (search.done) this.goTo(search.hits.count - 1);
    }
    this.later(false);
  }

  /** The line at the upper edge and how far it is cut off; while following the end, nothing above all. */
  private anchor(): Place {
    if (this.awaited) return this.awaited;
    if (this.follows) return { seq: this.rows.at(Math.max(0, this.rows.count - this.list.rowsInView)), below: 0 };
    return { seq: this.rows.at(this.list.firstInView), below: -this.list.cutOff };
  }

  private arrange(kept: Place): void {
    const { rows } = this;
    this.lastCount = rows.count;
    this.list.reset(rows.count);
    this.awaited = this.follows ? null : kept;
    if (this.follows) this.list.toEnd();
    this.await();
    this.list.redraw();
    this.status();
  }

  /** Keeps the line in its place while a search is still on its way to it. */
  private await(): void {
    if (!this.awaited) return;
    this.list.showAt(this.rows.place(this.awaited.seq), this.awaited.below);
    const search = this.only ? this.found : this.level;
    if (!search || search.done || search.seen >= this.awaited.seq) this.awaited = null;
  }

  private showOnly(only: boolean): void {
    const kept = this.hit ? { seq: this.hit, below: 3 * ROW } : this.anchor();
    this.only = only;
    setAttribute(one("[data-log-only]", this.root), "aria-pressed", String(only));
    this.arrange(kept);
  }

  // Going

  follow(on: boolean): void {
    this.follows = on;
    setAttribute(one("[data-log-follow]", this.root), "aria-pressed", String(on));
    this.awaited = null;
    if (on) {
      this.readUpTo = this.source.all.last;
      this.list.toEnd();
      this.status();
    }
  }

  /** Goes to the next or previous hit, from the last one or from what is read. */
  private step(direction: Direction): void {
    const hits = this.found?.hits;
    if (!hits?.count) return;
    this.goTo(following(hits, this.hit || this.anchor().seq - 1, direction));
  }

  private goTo(place: number): void {
    const hits = this.found?.hits;
    if (!hits || place < 0) return;
    this.hit = hits.at(place);
    this.follow(false);
    const index = this.rows.place(this.hit);
    const first = this.list.firstInView;
    if (index <= first || index >= first + this.list.rowsInView)
      this.list.showAt(index, Math.floor(this.list.rowsInView / 2) * (this.narrow.matches ? ROW_NARROW : ROW));
    this.list.redraw();
    this.status();
    this.say(fill(gettext("Hit {n} of {all}"), { n: count(place + 1), all: count(hits.count) }));
  }

  // Rows

  private render(index: number, row: HTMLElement | null): HTMLElement {
    const made = row ?? emptyRow();
    const seq = this.rows.at(index);
    fillRow(made, this.source.line(seq), this.look);
    if (seq === this.hit) made.classList.add("hit");
    this.marking.paint(made, seq);
    return made;
  }

  /** These rows are in the page: their text, and that of those around, is wanted. */
  private shown(first: number, last: number): void {
    const { rows } = this;
    const seqs: number[] = [];
    for (let index = first; index < last; index += 1) seqs.push(rows.at(index));
    for (let n = 1; n <= AHEAD; n += 1) {
      if (last + n - 1 < rows.count) seqs.push(rows.at(last + n - 1));
      if (first - n >= 0) seqs.push(rows.at(first - n));
    }
    this.source.want(seqs);
  }

  // Controls

  private controls(): void {
    const scrolled = throttled(50, () => {
      this.awaited = null;
      const end = this.list.atEnd;
      if (this.follows && !end) this.follow(false);
      else if (!this.follows && end && this.rows.count) this.follow(true);
    });
    // Only a person's scrolling changes whether new lines are followed.
    for (const name of ["wheel", "touchmove", "keydown", "pointerup"])
      this.scroller.addEventListener(name, () => window.setTimeout(scrolled, 60), { passive: true });
    this.scroller.addEventListener("scroll", () => this.sideways(), { passive: true });
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    const click = (selector: string, run: () => void): void => one(selector, this.root)?.addEventListener("click", run);
    click("[data-log-follow]", () => this.toggleFollow());
    click("[data-log-new]", () => this.follow(true));
    click("[data-log-node]", () => this.store.choose(""));
    click("[data-log-next]", () => this.step(1));
    click("[data-log-prev]", () => this.step(-1));
    click("[data-log-only]", () => this.showOnly(!this.only));
    click("[data-log-copy]", () => void this.copy(null));
    const level = one<HTMLSelectElement>("[data-log-level]", this.root);
    level?.addEventListener("change", () => this.ask({ ...this.query, level: level.value }));
    const search = one<HTMLInputElement>("[data-log-search]", this.root);
    const typed = (): void => {
      if (search && search.value !== this.query.text) this.ask({ ...this.query, text: search.value });
    };
    search?.addEventListener("input", debounced(120, typed));
    search?.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") {
        typed();
        this.step(event.shiftKey ? -1 : 1);
      } else if (event.key === "Escape" && search.value) {
        search.value = "";
        typed();
      } else return;
      event.preventDefault();
    });
  }

  private key(event: KeyboardEvent): void {
    if (isTyping(event.target) || event.altKey) return;
    const plainKey = !event.ctrlKey && !event.metaKey;
    if (event.key === "Home" && !event.shiftKey) {
      this.follow(false);
      this.list.showAt(0, 0);
    } else if (event.key === "End" && !event.shiftKey) this.follow(true);
    else if (event.key === "/" && plainKey) this.search();
    else if (event.key === "F3") this.step(event.shiftKey ? -1 : 1);
    else if (event.key === "n" && plainKey && this.found) this.step(1);
    else if (event.key === "N" && plainKey && this.found) this.step(-1);
    else if (this.marking.key(event, this.rows)) {
      if (event.key.startsWith("Arrow")) {
        const line = this.source.line(this.marking.at);
        if (line) this.say(`${line.level}, ${line.node}, ${visible(line.message.slice(0, 300))}`);
        this.follow(this.list.atEnd && this.marking.at === this.rows.last);
      }
    } else return;
    event.preventDefault();
  }

  /** Long lines are laid out where they are looked at. */
  private sideways(): void {
    const look = {
      ...this.look,
      left: Math.floor(this.scroller.scrollLeft / this.charWidth),
      width: Math.ceil(this.scroller.clientWidth / this.charWidth),
    };
    if (!moved(this.look, look)) return;
    this.look = look;
    this.list.redraw();
  }

  // Copies

  /** Copies the marked lines, else the last of those shown. */
  private async copy(event: ClipboardEvent | null): Promise<void> {
    const { rows } = this;
    const marked = this.marking.range;
    const from = marked ? rows.place(marked[0]) : Math.max(0, rows.count - COPY_MAX);
    const upto = marked ? rows.place(marked[1] + 1) : rows.count;
    const seqs: number[] = [];
    for (let index = from; index < Math.min(upto, from + COPY_MAX); index += 1) seqs.push(rows.at(index));
    if (!seqs.length) return;
    const here = seqs.map((seq) => this.source.line(seq));
    if (event?.clipboardData && here.every((line) => line !== undefined)) {
      event.clipboardData.setData("text/plain", here.map((line) => plain(line) + "\n").join(""));
      event.preventDefault();
      this.copied(seqs.length, upto - from);
      return;
    }
    event?.preventDefault();
    try {
      const text = this.source.lines(seqs).then((lines) => lines.map((line) => plain(line) + "\n").join(""));
      await navigator.clipboard.writeText(await text);
      this.copied(seqs.length, upto - from);
    } catch {
      toast(gettext("The browser does not let pages copy; mark the text and copy it yourself."), "error");
    }
  }

  private copied(lines: number, wanted: number): void {
    const said = fill(ngettext("{n} line copied.", "{n} lines copied.", lines), { n: count(lines) });
    toast(lines < wanted ? `${said} ${gettext("For more, download the log.")}` : said);
  }

  // Words

  private label(): void {
    const { node } = this.query;
    const button = one("[data-log-node]", this.root);
    setHidden(button, !node);
    setText(one("span", button ?? this.root), visible(this.store.nodes.get(node)?.name ?? node));
    setAttribute(button, "title", gettext("Show the lines of all nodes"));
    const link = one("[data-log-download]", this.root);
    setAttribute(
      link,
      "href",
      `/runs/${this.store.id}/logs/download/${node ? `?node=${encodeURIComponent(node)}` : ""}`,
    );
    const said = node ? gettext("Download this node's log as text") : gettext("Download the run's log as text");
    setAttribute(link, "title", said);
    setAttribute(link, "aria-label", said);
    for (const part of ["[data-log-found]", "[data-log-prev]", "[data-log-next]", "[data-log-only]"])
      setHidden(one(part, this.root), !this.query.text);
    setHidden(one("[data-log-hint]", this.root), true);
  }

  private status(): void {
    const { rows, source } = this;
    setText(one("[data-log-count]", this.root), source.ready ? count(source.all.count) : "");
    setAttribute(this.scroller, "data-lines", String(rows.count));
    const hits = this.found?.hits;
    if (hits) {
      const more = this.found?.done ? "" : "…";
      const place = this.hit ? hits.place(this.hit) + 1 : 0;
      setText(one("[data-log-found]", this.root), `${place ? `${count(place)} / ` : ""}${count(hits.count)}${more}`);
    }
    const chip = one("[data-log-new]", this.root);
    const unread = this.follows ? 0 : rows.count - rows.place(this.readUpTo + 1);
    setHidden(chip, !unread);
    if (unread)
      setText(
        one("span", chip ?? this.root),
        fill(ngettext("{n} new line", "{n} new lines", unread), { n: count(unread) }),
      );
    const empty = one("[data-log-empty]", this.root);
    const searching = (this.level && !this.level.done) || (this.only && this.found && !this.found.done);
    setHidden(empty, !source.ready || rows.count > 0 || Boolean(searching));
    if (this.query.level || this.only) setText(empty, gettext("No line matches."));
    else if (this.query.node) setText(empty, gettext("This node has written nothing."));
    else
      setText(
        empty,
        RUN_ENDED.has(this.store.run?.state ?? "")
          ? gettext("Nothing was written.")
          : gettext("Nothing is written yet. Lines appear here as nodes write them."),
      );
  }

  private say(text: string): void {
    setText(one("[data-log-said]", this.root), text);
  }

  /** Tells who listens that lines came: how many, now and then. */
  private readonly tell = throttled(SAID_MS, () => {
    const lines = this.unsaid;
    this.unsaid = 0;
    if (lines && this.scroller.offsetParent && this.scroller.contains(document.activeElement))
      this.say(fill(ngettext("{n} new line", "{n} new lines", lines), { n: count(lines) }));
  });
}
