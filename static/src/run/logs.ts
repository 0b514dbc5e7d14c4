/** The log of a run: follows new lines, never moves what is being read, filters, and reads older lines on demand. */

import { call } from "../api/client";
import { debounced, element, one, setAttribute, setHidden, setText, throttled } from "../dom";
import { type JsonObject, type LogLine, readLine } from "../live/protocol";
import { pieces } from "../words/ansi";
import { fill, gettext } from "../words/i18n";
import { count, RUN_ENDED, visible } from "../words/words";
import { type Filter, fits, KEPT, Lines } from "./lines";
import type { RunStore } from "./store";
import { Windowed } from "./windowed";

const ROW = 19;
const ROW_NARROW = 38;
const PAGE = 1000;
const TAIL = 4000;
const EARLIER = 3000;
/** Lines that fill what is seen, with some to scroll. */
const ENOUGH = 200;

export class LogView {
  private readonly lines = new Lines();
  private readonly scroller: HTMLElement;
  private readonly list: Windowed;
  private readonly narrow = window.matchMedia("(max-width: 640px)");
  private following = true;
  private loading = false;
  private ready = false;
  /** Lines that came over the socket while the first ones were being read. */
  private early: LogLine[] = [];
  private ended = false;
  /** A filtered view over a log that is not here as a whole holds what the server found. */
  private found: LogLine[] | null = null;
  private names: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly store: RunStore,
    private readonly root: ParentNode = document,
  ) {
    const scroller = one("[data-logs]", root);
    const sizer = one("[data-log-sizer]", root);
    if (!scroller || !sizer) throw new Error("The page has no place for logs.");
    this.scroller = scroller;
    this.list = new Windowed(scroller, sizer, { render: (index, row) => this.render(index, row) }, this.narrow.matches ? ROW_NARROW : ROW);
    this.narrow.addEventListener("change", () => this.list.setRowHeight(this.narrow.matches ? ROW_NARROW : ROW));
    this.controls();
    if (store.chosen) this.ofNode(store.chosen);
    store.listen((change) => {
      if (change.snapshot) {
        this.setNames(new Map([...store.nodes.values()].map((node) => [node.node, node.name])));
        void this.open(store.seq);
      } else this.add(change.lines);
      if (change.run || change.snapshot) this.setEnded(RUN_ENDED.has(store.run?.state ?? ""));
      if (change.chosen) this.ofNode(store.chosen);
    });
  }

  private setNames(names: ReadonlyMap<string, string>): void {
    this.names = names;
    this.label();
  }

  private setEnded(ended: boolean): void {
    if (this.ended === ended) return;
    this.ended = ended;
    this.status();
  }

  /** Reads the tail of the log up to `seq`; what the socket brings from then on is added to it. */
  private async open(seq: number): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      const after = Math.max(this.lines.lastSeq, seq - TAIL, 0);
      const joined = this.lines.size > 0 && after === this.lines.lastSeq;
      if (!joined) this.lines.clear();
      const read = await this.read(after, "", seq);
      if (!joined) this.lines.complete = after === 0;
      this.lines.append(read);
      if (!joined) await this.older(after, ENOUGH);
      this.lines.append(this.early);
      this.early = [];
      this.ready = true;
      this.list.reset(this.shown.length);
      if (this.following) this.list.toEnd();
    } catch {
      // The socket's next snapshot, or the next scroll, asks again.
    } finally {
      this.loading = false;
      this.status();
    }
  }

  private add(lines: readonly LogLine[]): void {
    if (!lines.length) return;
    if (!this.ready || this.loading) {
      this.early.push(...lines);
      return;
    }
    if (this.found) {
      this.lines.append(lines);
      for (const line of lines) if (fits(line, this.lines.filter)) this.found.push(line);
      this.list.setCount(this.found.length);
    } else {
      const { dropped } = this.lines.append(lines);
      if (dropped) {
        this.list.reset(this.shown.length);
        this.scroller.scrollTop = Math.max(0, this.scroller.scrollTop - dropped * (this.narrow.matches ? ROW_NARROW : ROW));
      } else this.list.setCount(this.shown.length);
    }
    if (this.following) this.list.toEnd();
    this.status();
  }

  /** Shows the lines of one node; empty: of all. */
  private ofNode(node: string): void {
    if (this.lines.filter.node !== node) void this.setFilter({ ...this.lines.filter, node });
  }

  private follow(on: boolean): void {
    this.following = on;
    setAttribute(one("[data-log-follow]", this.root), "aria-pressed", String(on));
    if (on) this.list.toEnd();
  }

  toggleFollow(): void {
    this.follow(!this.following);
  }

  focus(): void {
    this.scroller.focus();
  }

  private get shown(): LogLine[] {
    return this.found ?? this.lines.shown;
  }

  private async setFilter(filter: Filter): Promise<void> {
    this.lines.setFilter(filter);
    this.found = null;
    this.label();
    if (!this.lines.complete && (filter.node || filter.level || filter.text)) {
      const query = new URLSearchParams();
      if (filter.node) query.set("node", filter.node);
      if (filter.level) query.set("level", filter.level);
      if (filter.text) query.set("q", filter.text);
      try {
        const found = await this.read(0, query.toString(), Number.MAX_SAFE_INTEGER, 5);
        if (this.lines.filter === filter) this.found = found;
      } catch {
        // What is loaded is filtered all the same.
      }
    }
    if (this.lines.filter !== filter) return;
    this.list.reset(this.shown.length);
    if (this.following) this.list.toEnd();
    this.status();
  }

  private label(): void {
    const button = one<HTMLButtonElement>("[data-log-node]", this.root);
    const node = this.lines.filter.node;
    setHidden(button, !node);
    setText(button, visible(this.names.get(node) ?? node));
    setAttribute(button, "aria-pressed", String(Boolean(node)));
    setAttribute(button, "title", gettext("Show the lines of all nodes"));
  }

  /** Lines after `after` up to `seq`, at most `pages` pages of them. */
  private async read(after: number, query: string, seq: number, pages = 12): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    let address: string | null = `/api/v1/runs/${this.store.id}/logs/?after=${after}&limit=${PAGE}${query ? `&${query}` : ""}`;
    for (let page = 0; address && page < pages; page += 1) {
      const body: JsonObject = (await call("GET", address)).body;
      const results = Array.isArray(body["results"]) ? body["results"] : [];
      for (const value of results) {
        const line = readLine(value);
        if (line) lines.push(line);
      }
      const next = body["next"];
      const last = lines.at(-1);
      address = typeof next === "string" && last && last.seq < seq ? pathOf(next) : null;
    }
    return lines;
  }

  /** Reads back from `seq` until `wanted` lines are known or the log begins. Lines share their numbers with events, so
   * there may be long stretches without one: each step looks further back. */
  private async older(seq: number, wanted: number): Promise<void> {
    let until = seq;
    for (let span = EARLIER; until > 0 && this.lines.size < wanted; span *= 4) {
      const after = Math.max(0, until - span);
      const found = (await this.read(after, "", until, Infinity)).filter((line) => line.seq <= until);
      this.lines.prepend(found, after === 0);
      until = after;
    }
    if (until === 0) this.lines.complete = true;
  }

  private readonly earlier = async (): Promise<void> => {
    if (this.loading || !this.ready || this.found || this.lines.complete || this.lines.size >= KEPT) return;
    this.loading = true;
    try {
      const before = this.lines.shown.length;
      await this.older(this.lines.firstSeq - 1, this.lines.size + ENOUGH);
      const added = this.lines.shown.length - before;
      this.lines.append(this.early);
      this.early = [];
      const at = this.scroller.scrollTop;
      this.list.reset(this.shown.length);
      this.scroller.scrollTop = at + added * (this.narrow.matches ? ROW_NARROW : ROW);
      this.list.draw();
    } catch {
      // Scrolling up again asks again.
    } finally {
      this.loading = false;
      this.status();
    }
  };

  private controls(): void {
    const scrolled = throttled(50, () => {
      const end = this.list.atEnd;
      if (this.following && !end) this.follow(false);
      else if (!this.following && end && this.shown.length) this.follow(true);
      if (this.scroller.scrollTop < 400) void this.earlier();
    });
    // Only a person's scrolling changes whether new lines are followed.
    for (const name of ["wheel", "touchmove", "keydown", "pointerup"]) this.scroller.addEventListener(name, () => window.setTimeout(scrolled, 60), { passive: true });
    one("[data-log-follow]", this.root)?.addEventListener("click", () => this.toggleFollow());
    one("[data-log-node]", this.root)?.addEventListener("click", () => this.ofNode(""));
    const level = one<HTMLSelectElement>("[data-log-level]", this.root);
    level?.addEventListener("change", () => void this.setFilter({ ...this.lines.filter, level: level.value }));
    const search = one<HTMLInputElement>("[data-log-search]", this.root);
    search?.addEventListener(
      "input",
      debounced(200, () => void this.setFilter({ ...this.lines.filter, text: search.value.trim() })),
    );
  }

  private status(): void {
    setText(one("[data-log-count]", this.root), this.ready ? count(this.lines.size) + (this.lines.complete ? "" : "+") : "");
    const empty = one("[data-log-empty]", this.root);
    setHidden(empty, !this.ready || this.shown.length > 0);
    if (this.lines.filter.level || this.lines.filter.text) setText(empty, gettext("No line matches."));
    else if (this.lines.filter.node) setText(empty, gettext("This node has written nothing."));
    else setText(empty, this.ended ? gettext("Nothing was written.") : gettext("Nothing is written yet. Lines appear here as nodes write them."));
  }

  private render(index: number, row: HTMLElement | null): HTMLElement {
    const line = this.shown[index];
    const made = row ?? element("div", "line", element("span", "at"), element("span", "lv"), element("span", "nd"), element("span", "msg"));
    if (!line) return made;
    made.className = `line ${line.level === "warning" || line.level === "error" ? line.level : ""}`;
    const [at, level, node, message] = [...made.children];
    setText(at ?? null, clock(line.at));
    setText(level ?? null, line.level);
    setText(node ?? null, line.node);
    setAttribute(node ?? null, "title", fill(gettext("{node}, attempt {n}"), { node: line.node, n: line.attempt }));
    message?.replaceChildren(...this.message(line.message));
    return made;
  }

  private message(text: string): Node[] {
    const wanted = this.lines.filter.text.toLowerCase();
    return pieces(text.replace(/[\r\n]+$/, "")).flatMap((piece) => {
      const parts: Node[] = [];
      let rest = piece.text;
      let at: number;
      while (wanted && piece.style !== "ctl" && (at = rest.toLowerCase().indexOf(wanted)) >= 0) {
        if (at) parts.push(styled(rest.slice(0, at), piece.style));
        const mark = element("mark", piece.style);
        mark.textContent = rest.slice(at, at + wanted.length);
        parts.push(mark);
        rest = rest.slice(at + wanted.length);
      }
      if (rest) parts.push(styled(rest, piece.style));
      return parts;
    });
  }
}

function styled(text: string, style: string): Node {
  return style ? element("span", style, text) : document.createTextNode(text);
}

function pathOf(address: string): string {
  const url = new URL(address, location.href);
  return url.pathname + url.search;
}

function clock(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
