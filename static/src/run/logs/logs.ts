/** The log of a run, up to millions of lines. It opens at the end and follows new lines; when scrolled up, rows never move.
 * There is one selection of lines, one search, and filters by node (the store's selection) and by minimum level. */

import { one, setAttribute, setHidden, setText, throttled, isTyping } from "../../dom";
import type { LogLine } from "../../live/protocol";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { LoadingState } from "../loading";
import { emptyRow, fillRow, viewDiffers, type RowView } from "./log-line";
import { copyLines } from "./copy-lines";
import { emptyText, showLabels, showUnread } from "./labels";
import { LogSource } from "./log-source";
import { LineSelection } from "./line-selection";
import type { SeqRanges } from "./ranges";
import { listenToToolbar } from "./toolbar";
import { type Direction, nextMatch, type LogQuery, LogSearch } from "./search";
import type { RunStore } from "../store";
import { VirtualList } from "../virtual-list";

const ROW = 19;
const ROW_NARROW = 38;
/** Rows above and below the visible ones whose text is loaded, too. */
const PREFETCHED_ROWS = 120;
const SEARCH_MS = 250;

/** New lines are announced to screen readers at most this often, as a number. */
const ANNOUNCE_MS = 4000;

interface Anchor {
  readonly seq: number;
  /** Pixels between the upper edge and the line. */
  readonly offset: number;
}

export class LogView {
  private readonly scroller: HTMLElement;
  private readonly list: VirtualList;
  private readonly source: LogSource;
  private readonly selection: LineSelection;
  private readonly loadingState: LoadingState;
  private readonly narrow = window.matchMedia("(max-width: 640px)");
  private query: LogQuery = { node: "", level: "", text: "" };
  /** Only matching lines are shown. */
  private matchesOnly = false;
  /** The lines of the minimum level; null: all levels are shown. */
  private levelSearch: LogSearch | null = null;
  private textSearch: LogSearch | null = null;
  /** Line number of the current match; 0: none. */
  private match = 0;
  private follows = true;
  /** The last line while new ones were followed; later lines are unread. */
  private readUpTo = 0;
  /** The line to keep at the upper edge until the search has reached it. */
  private pendingAnchor: Anchor | null = null;
  private unannounced = 0;
  private frame = 0;

  private rowView: RowView = { text: "", left: 0, width: 200 };
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
    this.source = new LogSource(store.id, () => this.requestFrame(true));
    const rows = {
      render: (index: number, row: HTMLElement | null) => this.render(index, row),
      rowsShown: (first: number, last: number) => this.prefetch(first, last),
    };
    this.list = new VirtualList(scroller, sizer, rows, this.narrow.matches ? ROW_NARROW : ROW);
    this.selection = new LineSelection(scroller, this.list, {
      seqAt: (index) => this.rows.at(index),
      redraw: () => this.list.redraw(),
      copy: (event) => void this.copy(event),
    });
    this.narrow.addEventListener("change", () => this.list.setRowHeight(this.narrow.matches ? ROW_NARROW : ROW));
    this.loadingState = new LoadingState(
      scroller.parentElement ?? scroller,
      gettext("The log could not be loaded"),
      () => void this.open(),
    );
    this.loadingState.begin();
    this.listenToControls();
    this.updateLabels();
    store.listen((change) => {
      if (change.snapshot) void this.open();
      else if (change.lines.length) this.addLines(change.lines);
      if (change.chosen) this.showNode(store.chosen);
      if (change.snapshot || change.run) this.updateStatus();
    });
  }

  toggleFollow(): void {
    this.follow(!this.follows);
  }

  focus(): void {
    this.scroller.focus();
  }

  /** Focuses the search field. */
  search(): void {
    one<HTMLInputElement>("[data-log-search]", this.root)?.select();
  }

  /** Numbers of the lines that are shown. */
  private get rows(): SeqRanges {
    if (this.matchesOnly && this.textSearch) return this.textSearch.matches;
    return this.levelSearch ? this.levelSearch.matches : this.source.ofNode(this.query.node);
  }

  private async open(): Promise<void> {
    try {
      await this.source.catchUp();
    } catch (error) {
      // Keep the lines that are there; only newer ones are missing.
      if (!this.source.ready) this.loadingState.failed(error);
      this.loadingState.retryLater(error);
      return;
    }
    this.loadingState.done();
    this.onNewLines(0);
  }

  private addLines(lines: readonly LogLine[]): void {
    const before = this.source.all.count;
    this.source.add(lines);
    this.onNewLines(this.source.all.count - before);
  }

  /** New lines were added. */
  private onNewLines(added: number): void {
    this.unannounced += added;
    this.continueSearch();
    this.requestFrame(false);
    if (added) this.announceNewLines();
  }

  /** Updates the view in the next frame. */
  private requestFrame(texts: boolean): void {
    if (texts) this.textsDirty = true;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.update();
    });
  }
  private textsDirty = false;
  private lastCount = 0;

  private update(): void {
    const { count: lines } = this.rows;
    if (this.follows) this.readUpTo = this.source.all.last;
    if (lines !== this.lastCount) {
      this.lastCount = lines;
      this.list.setCount(lines);
      if (this.follows) this.list.toEnd();
      else this.keepAnchor();
    }
    if (this.textsDirty) {
      this.textsDirty = false;
      this.list.redraw();
    }
    this.updateStatus();
  }

  // Filters

  private showNode(node: string): void {
    if (this.query.node !== node) this.setQuery({ ...this.query, node });
  }

  /** Applies other filters; the line at the upper edge, or the first one after it, stays there. */
  private setQuery(query: LogQuery): void {
    const anchor = this.anchor();
    const other = query.node !== this.query.node || query.level !== this.query.level;
    const text = query.text !== this.query.text;
    this.query = query;
    if (other) {
      this.levelSearch?.cancel();
      this.levelSearch = query.level ? this.startSearch({ ...query, text: "" }) : null;
    }
    if (other || text) {
      this.textSearch?.cancel();
      this.match = 0;
      this.textSearch = query.text ? this.startSearch(query) : null;
    }
    this.rowView = { ...this.rowView, text: query.text };
    this.updateLabels();
    this.showRows(anchor);
  }

  private startSearch(query: LogQuery): LogSearch {
    const search = new LogSearch(this.store.id, query, (one) => this.onSearchProgress(one));
    void search.searchTo(this.source.all.last);
    return search;
  }

  private readonly continueSearch = throttled(SEARCH_MS, () => {
    void this.levelSearch?.searchTo(this.source.all.last);
    void this.textSearch?.searchTo(this.source.all.last);
  });

  private onSearchProgress(search: LogSearch): void {
    if (search !== this.levelSearch && search !== this.textSearch) return;
    if (search === this.textSearch && !this.match && !this.matchesOnly && search.matches.count) {
      // The first match from the visible lines on, or the last one before them.
      const { seq } = this.anchor();
      const place = search.matches.indexOf(seq);
      if (place < search.matches.count) this.goTo(place);
      else if (search.done) this.goTo(search.matches.count - 1);
    }
    this.requestFrame(false);
  }

  /** The line at the upper edge and its offset; while following, the first of the last page. */
  private anchor(): Anchor {
    if (this.pendingAnchor) return this.pendingAnchor;
    if (this.follows) return { seq: this.rows.at(Math.max(0, this.rows.count - this.list.rowsInView)), offset: 0 };
    return { seq: this.rows.at(this.list.firstInView), offset: -this.list.cutOff };
  }

  private showRows(anchor: Anchor): void {
    const { rows } = this;
    this.lastCount = rows.count;
    this.list.reset(rows.count);
    this.pendingAnchor = this.follows ? null : anchor;
    if (this.follows) this.list.toEnd();
    this.keepAnchor();
    this.list.redraw();
    this.updateStatus();
  }

  /** Keeps the line in its place until the search has reached it. */
  private keepAnchor(): void {
    if (!this.pendingAnchor) return;
    this.list.showAt(this.rows.indexOf(this.pendingAnchor.seq), this.pendingAnchor.offset);
    const search = this.matchesOnly ? this.textSearch : this.levelSearch;
    if (!search || search.done || search.searchedTo >= this.pendingAnchor.seq) this.pendingAnchor = null;
  }

  private setMatchesOnly(only: boolean): void {
    const anchor = this.match ? { seq: this.match, offset: 3 * ROW } : this.anchor();
    this.matchesOnly = only;
    setAttribute(one("[data-log-only]", this.root), "aria-pressed", String(only));
    this.showRows(anchor);
  }

  // Scrolling

  follow(on: boolean): void {
    this.follows = on;
    setAttribute(one("[data-log-follow]", this.root), "aria-pressed", String(on));
    this.pendingAnchor = null;
    if (on) {
      this.readUpTo = this.source.all.last;
      this.list.toEnd();
      this.updateStatus();
    }
  }

  /** Goes to the next or previous match, from the current one or the visible lines. */
  private goToNextMatch(direction: Direction): void {
    const hits = this.textSearch?.matches;
    if (!hits?.count) return;
    this.goTo(nextMatch(hits, this.match || this.anchor().seq - 1, direction));
  }

  private goTo(place: number): void {
    const hits = this.textSearch?.matches;
    if (!hits || place < 0) return;
    this.match = hits.at(place);
    this.follow(false);
    const index = this.rows.indexOf(this.match);
    const first = this.list.firstInView;
    if (index <= first || index >= first + this.list.rowsInView)
      this.list.showAt(index, Math.floor(this.list.rowsInView / 2) * (this.narrow.matches ? ROW_NARROW : ROW));
    this.list.redraw();
    this.updateStatus();
    this.announce(fill(gettext("Match {n} of {all}"), { n: count(place + 1), all: count(hits.count) }));
  }

  // Rows

  private render(index: number, row: HTMLElement | null): HTMLElement {
    const made = row ?? emptyRow();
    const seq = this.rows.at(index);
    fillRow(made, this.source.line(seq), this.rowView);
    if (seq === this.match) made.classList.add("hit");
    this.selection.paint(made, seq);
    return made;
  }

  /** Loads the text of these rows and of rows around them. */
  private prefetch(first: number, last: number): void {
    const { rows } = this;
    const seqs: number[] = [];
    for (let index = first; index < last; index += 1) seqs.push(rows.at(index));
    for (let n = 1; n <= PREFETCHED_ROWS; n += 1) {
      if (last + n - 1 < rows.count) seqs.push(rows.at(last + n - 1));
      if (first - n >= 0) seqs.push(rows.at(first - n));
    }
    this.source.prefetch(seqs);
  }

  // Controls

  private listenToControls(): void {
    const scrolled = throttled(50, () => {
      this.pendingAnchor = null;
      const end = this.list.atEnd;
      if (this.follows && !end) this.follow(false);
      else if (!this.follows && end && this.rows.count) this.follow(true);
    });
    // Only scrolling by the user changes whether new lines are followed.
    for (const name of ["wheel", "touchmove", "keydown", "pointerup"])
      this.scroller.addEventListener(name, () => window.setTimeout(scrolled, 60), { passive: true });
    this.scroller.addEventListener("scroll", () => this.onHorizontalScroll(), { passive: true });
    this.scroller.addEventListener("keydown", (event) => this.onKey(event));
    listenToToolbar(this.root, {
      toggleFollow: () => this.toggleFollow(),
      follow: () => this.follow(true),
      showAllNodes: () => this.store.choose(""),
      goToNextMatch: (direction) => this.goToNextMatch(direction),
      toggleMatchesOnly: () => this.setMatchesOnly(!this.matchesOnly),
      copy: () => void this.copy(null),
      setLevel: (level) => this.setQuery({ ...this.query, level }),
      setText: (text) => {
        if (text !== this.query.text) this.setQuery({ ...this.query, text });
      },
    });
  }

  private onKey(event: KeyboardEvent): void {
    if (isTyping(event.target) || event.altKey) return;
    const plainKey = !event.ctrlKey && !event.metaKey;
    if (event.key === "Home" && !event.shiftKey) {
      this.follow(false);
      this.list.showAt(0, 0);
    } else if (event.key === "End" && !event.shiftKey) this.follow(true);
    else if (event.key === "/" && plainKey) this.search();
    else if (event.key === "F3") this.goToNextMatch(event.shiftKey ? -1 : 1);
    else if (event.key === "n" && plainKey && this.textSearch) this.goToNextMatch(1);
    else if (event.key === "N" && plainKey && this.textSearch) this.goToNextMatch(-1);
    else if (this.selection.onKey(event, this.rows)) {
      if (event.key.startsWith("Arrow")) {
        const line = this.source.line(this.selection.cursor);
        if (line) this.announce(`${line.level}, ${line.node}, ${visible(line.message.slice(0, 300))}`);
        this.follow(this.list.atEnd && this.selection.cursor === this.rows.last);
      }
    } else return;
    event.preventDefault();
  }

  /** Lays out the visible part of long lines. */
  private onHorizontalScroll(): void {
    const look = {
      ...this.rowView,
      left: Math.floor(this.scroller.scrollLeft / this.charWidth),
      width: Math.ceil(this.scroller.clientWidth / this.charWidth),
    };
    if (!viewDiffers(this.rowView, look)) return;
    this.rowView = look;
    this.list.redraw();
  }

  private async copy(event: ClipboardEvent | null): Promise<void> {
    await copyLines(this.source, this.rows, this.selection.range, event);
  }

  // Texts

  private updateLabels(): void {
    showLabels(this.root, this.store, this.query);
  }

  private updateStatus(): void {
    const { rows, source } = this;
    setText(one("[data-log-count]", this.root), source.ready ? count(source.all.count) : "");
    setAttribute(this.scroller, "data-lines", String(rows.count));
    const hits = this.textSearch?.matches;
    if (hits) {
      const more = this.textSearch?.done ? "" : "…";
      const place = this.match ? hits.indexOf(this.match) + 1 : 0;
      setText(one("[data-log-found]", this.root), `${place ? `${count(place)} / ` : ""}${count(hits.count)}${more}`);
    }
    showUnread(this.root, this.follows ? 0 : rows.count - rows.indexOf(this.readUpTo + 1));
    const empty = one("[data-log-empty]", this.root);
    const searches = [this.levelSearch, this.matchesOnly ? this.textSearch : null];
    const searching = searches.some((search) => search && !search.done);
    setHidden(empty, !source.ready || rows.count > 0 || searching);
    setText(empty, emptyText(this.store, this.query, this.matchesOnly));
  }

  private announce(text: string): void {
    setText(one("[data-log-said]", this.root), text);
  }

  /** Announces the number of new lines to screen readers. */
  private readonly announceNewLines = throttled(ANNOUNCE_MS, () => {
    const lines = this.unannounced;
    this.unannounced = 0;
    if (lines && this.scroller.offsetParent && this.scroller.contains(document.activeElement))
      this.announce(fill(ngettext("{n} new line", "{n} new lines", lines), { n: count(lines) }));
  });
}
