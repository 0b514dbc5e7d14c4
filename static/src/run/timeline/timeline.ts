/** The timeline of a run: when each attempt waited, ran and ended, painted on one canvas over a scrollable list. Keys: up and
 * down select a node, + and - zoom, 0 shows all, left and right pan. */

import type { JsonObject } from "../../json";
import { watchTheme, readTheme } from "../../canvas/theme";
import { call } from "../../api/client";
import { serverNow } from "../../behaviours/clock";
import { element, one, setText } from "../../dom";
import { gettext } from "../../words/i18n";
import { RUN_ENDED, visible } from "../../words/words";
import { TimelineRows, type TimelineRow } from "./attempts";
import { describeBar } from "./describe-bar";
import { LoadingState } from "../loading";
import type { RunStore } from "../store";
import { AXIS_HEIGHT, ROW_HEIGHT, TimelinePainter } from "./painter";
import { panned, type TimeSpan, zoomed } from "./scale";

const LIVE_MS = 250;

const SIDE = 200;
const SIDE_NARROW = 110;
const ZOOM = 1.5;
/** Width of the longest duration beside a bar. */
const LABEL_WIDTH = 76;
const BAD: ReadonlySet<string> = new Set(["failed", "timed_out"]);

export function mountTimeline(host: HTMLElement, store: RunStore): void {
  new Timeline(host, store);
}

class Timeline {
  private readonly data = new TimelineRows((node) => this.placeOf(node));
  private places: ReadonlyMap<string, number> = new Map();
  private readonly canvas = element("canvas", "tl-canvas");
  private readonly sizer = element("div", "tl-sizer");
  private readonly scroller = element("div", "tl-scroll", this.canvas, this.sizer);
  private readonly option = element("div", "sr");
  private readonly tip = element("div", "tl-tip");
  private readonly empty = element("div", "empty small");
  private readonly painter: TimelinePainter;
  private readonly loadingState: LoadingState;

  /** The visible span; null: all. */
  private zoom: TimeSpan | null = null;
  private frame = 0;
  private hovered = -1;
  private pointer: { x: number; y: number } | null = null;
  private reading = false;
  private restart = false;
  private ready = false;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: RunStore,
  ) {
    this.canvas.setAttribute("aria-hidden", "true");
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "listbox");
    this.scroller.setAttribute("aria-label", gettext("Timeline of attempts"));
    this.option.id = "timeline-at";
    this.option.setAttribute("role", "option");
    this.option.setAttribute("aria-selected", "false");
    this.scroller.append(this.option);
    this.tip.hidden = true;
    this.tip.setAttribute("aria-hidden", "true");
    this.empty.hidden = true;
    host.replaceChildren(this.scroller, this.empty, this.tip);
    this.loadingState = new LoadingState(host, gettext("The timeline could not be loaded"), () => void this.read());
    this.painter = new TimelinePainter(this.canvas, readTheme(host));
    watchTheme(() => {
      this.painter.setTheme(readTheme(host));
      this.requestFrame();
    });
    new ResizeObserver(() => this.resize()).observe(this.scroller);
    this.listen();
    store.listen((change) => {
      if (change.snapshot) void this.read();
      else if (change.nodes.size) {
        let changed = false;
        const now = serverNow();
        for (const id of change.nodes) {
          const node = store.nodes.get(id);
          if (node && this.data.update(node, now)) changed = true;
        }
        if (changed) this.requestFrame();
      }
      if (change.run) this.updateRunTimes();
      if (change.chosen) this.reveal();
      if (change.stuck.size || change.run) this.requestFrame();
    });
    void this.read();
    window.setInterval(() => {
      if (this.live && !document.hidden && this.scroller.offsetParent) this.requestFrame();
    }, LIVE_MS);
  }

  private get live(): boolean {
    return this.store.run !== null && !RUN_ENDED.has(this.store.run.state);
  }

  /** Loads all bars; afterwards, the states that changed meanwhile are taken from the store. */
  private async read(): Promise<void> {
    this.restart = true;
    if (this.reading) return;
    this.reading = true;
    if (!this.ready) this.loadingState.begin();
    try {
      while (this.restart) {
        this.restart = false;
        let address: string | null = `/api/v1/runs/${this.store.id}/timeline/`;
        let first = true;
        while (address) {
          const body: JsonObject = (await call("GET", address)).body;
          if (first) this.data.clear();
          first = false;
          this.data.read(body);
          const next: unknown = body["next"];
          address =
            typeof next === "string"
              ? new URL(next, location.href).pathname + new URL(next, location.href).search
              : null;
        }
      }
      const now = serverNow();
      for (const node of this.store.nodes.values()) if (node.state !== "pending") this.data.update(node, now);
      this.ready = true;
      this.loadingState.done();
      this.updateRunTimes();
      this.reveal();
      this.requestFrame();
    } catch (error) {
      // Loaded bars are kept current by the store.
      if (!this.ready) this.loadingState.failed(error);
      this.loadingState.retryLater(error);
    } finally {
      this.reading = false;
    }
  }

  /** Index of a node in the document. */
  private placeOf(node: string): number {
    const { nodes } = this.store;
    if (this.places.size !== nodes.size) this.places = new Map([...nodes.keys()].map((id, at) => [id, at]));
    return this.places.get(node) ?? 0;
  }

  private updateRunTimes(): void {
    const { run } = this.store;
    const parse = (at: string | null): number | null => (at ? Date.parse(at) : null);
    this.data.from = parse(run?.started_at ?? run?.created_at ?? null) ?? this.data.from;
    this.data.to = run && RUN_ENDED.has(run.state) ? (parse(run.finished_at) ?? this.data.to) : null;
  }

  /** From the start of the run or its first bar to its end or now, with some space. */
  private get whole(): TimeSpan {
    const first = this.data.rows[0]?.bars[0];
    const from = Math.min(this.data.from ?? Infinity, first?.waitingFrom ?? first?.startedAt ?? Infinity);
    const begin = Number.isFinite(from) ? from : serverNow();
    const to = Math.max(begin + 1, this.data.to ?? serverNow());
    // Space for the duration beside the last bar.
    const room = Math.min(0.5, LABEL_WIDTH / Math.max(1, this.scroller.clientWidth - this.side - LABEL_WIDTH));
    return { from: begin, to: to + (to - begin) * room };
  }

  private get side(): number {
    return this.scroller.clientWidth < 560 ? SIDE_NARROW : SIDE;
  }

  private requestFrame(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.scroller;
    if (!clientWidth || !clientHeight) return;
    this.painter.resize(clientWidth, clientHeight);
    // Draw in the same frame: resizing clears the canvas.
    this.draw();
  }

  private draw(): void {
    const { rows } = this.data;
    const height = `${AXIS_HEIGHT + rows.length * ROW_HEIGHT}px`;
    if (this.sizer.style.height !== height) this.sizer.style.height = height;
    this.empty.hidden = !this.ready || rows.length > 0;
    if (!this.empty.hidden)
      setText(
        this.empty,
        this.live
          ? gettext("No nodes have started yet. Bars appear here as nodes start.")
          : gettext("No nodes were started."),
      );
    const { store } = this;
    this.host.classList.toggle("unread", !this.ready);
    this.painter.paint({
      width: this.scroller.clientWidth,
      height: this.scroller.clientHeight,
      side: this.side,
      span: this.zoom ?? this.whole,
      origin: this.data.from ?? this.whole.from,
      now: this.live ? serverNow() : null,
      top: this.scroller.scrollTop,
      rows,
      chosen: store.chosen,
      focused: this.hovered,
      name: (node) => store.nodes.get(node)?.name ?? node,
      critical: (node) => {
        const state = store.nodes.get(node)?.state ?? "";
        return BAD.has(state) ? state : store.stuck.has(node) ? "stuck" : "";
      },
    });
    this.host.dataset["bars"] = String(rows.length);
    this.host.dataset["drawn"] = String(store.seq);
    this.announceChosen();
  }

  // Selection

  private reveal(): void {
    const at = this.data.indexOf(this.store.chosen);
    if (at >= 0) {
      const { scrollTop, clientHeight } = this.scroller;
      const top = at * ROW_HEIGHT;
      if (top < scrollTop) this.scroller.scrollTop = top;
      else if (top + ROW_HEIGHT + AXIS_HEIGHT > scrollTop + clientHeight)
        this.scroller.scrollTop = top + ROW_HEIGHT + AXIS_HEIGHT - clientHeight;
    }
    this.requestFrame();
  }

  /** Describes the selected row for screen readers. */
  private announceChosen(): void {
    const at = this.data.indexOf(this.store.chosen);
    const row = this.data.rows[at];
    const text = row ? this.describeRow(row).join(" ") : "";
    if (this.option.dataset["said"] !== text) {
      this.option.dataset["said"] = text;
      this.option.setAttribute("aria-label", text || gettext("No node selected."));
      this.option.setAttribute("aria-selected", String(at >= 0));
      if (row) {
        this.option.setAttribute("aria-posinset", String(at + 1));
        this.option.setAttribute("aria-setsize", String(this.data.rows.length));
      } else for (const name of ["aria-posinset", "aria-setsize"]) this.option.removeAttribute(name);
      this.scroller.setAttribute("aria-activedescendant", this.option.id);
    }
  }

  /** Describes a row: the node, then a sentence for each attempt. */
  private describeRow(row: TimelineRow): string[] {
    const name = visible(this.store.nodes.get(row.node)?.name ?? row.node);
    return [name + ".", ...row.bars.map((bar) => describeBar(bar, this.data.to ?? serverNow(), row.bars.length > 1))];
  }

  // Time

  private show(span: TimeSpan | null): void {
    const { whole } = this;
    this.zoom = span && span.to - span.from < (whole.to - whole.from) * 0.999 ? span : null;
    this.host.dataset["zoomed"] = String(this.zoom !== null);
    this.requestFrame();
  }

  private zoomBy(factor: number, x?: number): void {
    const span = this.zoom ?? this.whole;
    const width = this.scroller.clientWidth - this.side;
    const at =
      span.from + (x === undefined ? 0.5 : Math.max(0, Math.min(1, (x - this.side) / width))) * (span.to - span.from);
    this.show(zoomed(span, this.whole, at, factor));
  }

  private pan(pixels: number): void {
    if (!this.zoom) return;
    const width = Math.max(1, this.scroller.clientWidth - this.side);
    this.show(panned(this.zoom, this.whole, (pixels / width) * (this.zoom.to - this.zoom.from)));
  }

  // Input

  private listen(): void {
    const { scroller } = this;
    const zooms = { in: () => this.zoomBy(1 / ZOOM), out: () => this.zoomBy(ZOOM), all: () => this.show(null) };
    for (const [name, zoom] of Object.entries(zooms))
      one(`[data-timeline-zoom="${name}"]`)?.addEventListener("click", zoom);
    scroller.addEventListener(
      "scroll",
      () => {
        this.hover();
        this.requestFrame();
      },
      { passive: true },
    );
    scroller.addEventListener(
      "wheel",
      (event) => {
        const x = event.clientX - scroller.getBoundingClientRect().left;
        if (event.ctrlKey || event.metaKey) this.zoomBy(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 120), x);
        else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
          this.pan(event.shiftKey ? event.deltaY : event.deltaX);
        else return;
        event.preventDefault();
      },
      { passive: false },
    );
    scroller.addEventListener("keydown", (event) => this.onKey(event));
    let dragged: { x: number; moved: boolean } | null = null;
    scroller.addEventListener("pointerdown", (event) => {
      if (event.button === 0) dragged = { x: event.clientX, moved: false };
    });
    scroller.addEventListener("pointermove", (event) => {
      this.pointer = { x: event.clientX, y: event.clientY };
      if (
        dragged &&
        event.buttons & 1 &&
        event.pointerType !== "touch" &&
        (dragged.moved || Math.abs(event.clientX - dragged.x) > 4)
      ) {
        this.pan(dragged.x - event.clientX);
        dragged = { x: event.clientX, moved: true };
      }
      this.hover();
    });
    scroller.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.hover();
    });
    scroller.addEventListener("click", (event) => {
      const row = this.data.rows[this.rowAt(event.clientY)];
      if (row && !dragged?.moved) this.store.choose(row.node);
      dragged = null;
    });
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { rows } = this.data;
    const at = this.data.indexOf(this.store.chosen);
    const page = Math.max(1, Math.floor((this.scroller.clientHeight - AXIS_HEIGHT) / ROW_HEIGHT) - 1);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? rows.length - 1 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    }[event.key];
    if (to !== undefined) {
      const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (row) this.store.choose(row.node);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.pan(event.key === "ArrowLeft" ? -80 : 80);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1 / ZOOM);
    else if (event.key === "-") this.zoomBy(ZOOM);
    else if (event.key === "0") this.show(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private rowAt(clientY: number): number {
    const y = clientY - this.scroller.getBoundingClientRect().top;
    return y < AXIS_HEIGHT ? -1 : Math.floor((y - AXIS_HEIGHT + this.scroller.scrollTop) / ROW_HEIGHT);
  }

  private hover(): void {
    const at = this.pointer ? this.rowAt(this.pointer.y) : -1;
    const row = this.data.rows[at];
    this.tip.hidden = !row;
    if (row && this.pointer) {
      const [name, ...bars] = this.describeRow(row);
      this.tip.replaceChildren(element("b", "", name ?? ""), ...bars.slice(-8).map((text) => element("div", "", text)));
      const box = this.host.getBoundingClientRect();
      const x = Math.min(this.pointer.x - box.left + 14, box.width - this.tip.offsetWidth - 8);
      const below = this.pointer.y - box.top + 18;
      const y =
        below + this.tip.offsetHeight > box.height ? this.pointer.y - box.top - this.tip.offsetHeight - 10 : below;
      this.tip.style.left = `${Math.max(4, x)}px`;
      this.tip.style.top = `${Math.max(4, y)}px`;
    }
    if (at !== this.hovered) {
      this.hovered = row ? at : -1;
      this.requestFrame();
    }
  }
}
