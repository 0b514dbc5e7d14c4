/** The side panel: HTML from the server about the selected node or the run, reloaded when its content has changed.
 *
 * Links to nodes and tabs of the run only change the panel; without scripts they are ordinary links. What the reader has
 * opened, typed or scrolled survives a reload (behaviours/morph.ts).
 */

import { loadHtml } from "../api/client";
import { refreshTimes } from "../behaviours/clock";
import { morph } from "../behaviours/morph";
import { loadFailure } from "../behaviours/load-failure";
import { all, element, one, setAttribute, setText, throttled } from "../dom";
import type { NodeRun } from "../live/protocol";
import { gettext } from "../words/i18n";
import { NODE_ENDED, RUN_ENDED, size, visible } from "../words/words";
import { setQuery, readQuery } from "./url";
import { ApiButtons } from "./api-buttons";
import { requestErrorText } from "../graph/load";
import { isRetryable, retries } from "../live/retries";
import { sparklinePath } from "./sparkline";
import type { RunStore } from "./store";

export interface Panel {
  /** Shows and focuses a tab of the selected node (`why`, `output`, ...). */
  show(tab: string): void;
}

const REFRESH_MS = 500;
const POLL_MS = 2000;
/** Samples shown in a chart: two minutes. */
const SPARK_SAMPLES = 120;
const LIVE_TABS: ReadonlySet<string> = new Set(["", "why", "attempts"]);

/** The parts of a node that the panel shows, as text; a change of its progress causes no reload. */
function fingerprint(node: NodeRun | undefined): string {
  return node ? JSON.stringify([node.state, node.attempt, node.reason, node.error, node.output, node.waiting_for]) : "";
}

export function startPanel(store: RunStore, root: HTMLElement): Panel {
  const panel = one("[data-panel]", root);
  if (!panel) throw new Error("The page has no panel.");
  return new NodePanel(store, root, panel);
}

class NodePanel implements Panel {
  private readonly buttons: ApiButtons;
  private readonly refreshSoon = throttled(REFRESH_MS, () => void this.load());
  /** Parameters of the content: tab, offset of rows, which stack trace. */
  private query = new URLSearchParams();
  private requestNumber = 0;
  private shownFingerprint = "";
  private loadedAt = 0;

  constructor(
    private readonly store: RunStore,
    root: HTMLElement,
    private readonly panel: HTMLElement,
  ) {
    for (const name of ["tab", "offset", "stack", "before"]) if (readQuery(name)) this.query.set(name, readQuery(name));
    // The page was served with this content: keep what is opened in it.
    panel.dataset["shows"] = this.contentKey();
    this.buttons = new ApiButtons(store, root, (stack) => {
      if (stack) {
        this.query = new URLSearchParams({ tab: "why", stack: "newest" });
        void this.load().then(() => this.openStacks());
      } else this.refreshSoon();
    });
    store.listen((change) => {
      if (change.chosen) {
        this.shownFingerprint = this.currentFingerprint();
        this.query = new URLSearchParams();
        void this.load();
        return;
      }
      if (change.samples.has(store.chosen)) this.drawCharts();
      if (!change.snapshot && !change.run && !change.stuck.size && !change.nodes.has(store.chosen)) return;
      const now = this.currentFingerprint();
      // The node may have ended between serving the page and the first snapshot.
      if ((this.shownFingerprint && this.shownFingerprint !== now) || this.isOutdated()) this.refreshSoon();
      this.shownFingerprint = now;
    });
    panel.addEventListener("click", (event) => this.onClick(event));
    // A number of rows in the graph was clicked, which selected its node.
    root.addEventListener("run:output", () => {
      this.query = new URLSearchParams({ tab: "output" });
      setQuery("tab", "output");
      void this.load();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.refreshSoon();
    });
    window.setInterval(() => {
      if (document.hidden || retries.waits(this.refreshSoon)) return;
      if ((this.isLive() || this.isOutdated()) && performance.now() - this.loadedAt >= POLL_MS) this.refreshSoon();
    }, POLL_MS / 2);
  }

  show(tab: string): void {
    const link = all<HTMLAnchorElement>(".tabs a", this.panel).find(
      (one) => new URL(one.href).searchParams.get("tab") === tab,
    );
    if (!link) {
      one("[data-panel-body]", this.panel)?.focus();
      return;
    }
    link.focus();
    link.click();
  }

  private currentFingerprint(): string {
    const { store } = this;
    if (store.chosen) return fingerprint(store.nodes.get(store.chosen)) + String(store.stuck.has(store.chosen));
    return store.run ? JSON.stringify([store.run.state, store.run.counts, store.stuck.size]) : "";
  }

  /** Returns whether the HTML shows another state than the known one. */
  private isOutdated(): boolean {
    const { store } = this;
    const { panelNode, panelOf } = one("[data-panel-node]", this.panel)?.dataset ?? {};
    if (!store.ready || panelNode !== store.chosen) return false;
    const node = store.nodes.get(store.chosen);
    const known = node ? `${node.state} ${node.attempt}` : store.chosen ? undefined : store.run?.state;
    return known !== undefined && panelOf !== known;
  }

  /** Returns whether the content changes over time. */
  private isLive(): boolean {
    const { store } = this;
    if (!store.run || RUN_ENDED.has(store.run.state)) return false;
    if (!store.chosen) return true;
    const node = store.nodes.get(store.chosen);
    return node !== undefined && !NODE_ENDED.has(node.state) && LIVE_TABS.has(this.query.get("tab") ?? "");
  }

  private address(): string {
    const { id, chosen } = this.store;
    const query = this.query.toString();
    return (chosen ? `/runs/${id}/nodes/${chosen}/panel/` : `/runs/${id}/summary/`) + (query ? `?${query}` : "");
  }

  private onClick(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (
      !link ||
      link.target ||
      link.hasAttribute("download") ||
      event.button !== 0 ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    // The href of an SVG link is an object.
    const address = new URL(link.getAttribute("href") ?? "", location.href);
    const match = new RegExp(`^/runs/${this.store.id}/(?:nodes/([a-z][a-z0-9_]*)/)?$`).exec(address.pathname);
    if (address.origin !== location.origin || !match) return;
    event.preventDefault();
    const node = match[1] ?? "";
    if (node !== this.store.chosen) this.store.choose(node);
    const wanted = address.searchParams;
    if (node && wanted.toString() !== this.query.toString()) {
      this.query = wanted;
      void this.load();
    }
    setQuery("tab", node ? (wanted.get("tab") ?? "") : "");
  }

  private async load(): Promise<void> {
    const mine = ++this.requestNumber;
    const address = this.address();
    if (this.panel.dataset["shows"] !== this.contentKey()) setAttribute(this.panel, "aria-busy", "true");
    this.loadedAt = performance.now();
    let text: string;
    try {
      text = await loadHtml(address);
      retries.answered(this.refreshSoon);
    } catch (error) {
      retries.failed(error, this.refreshSoon);
      // Keep the content unless it belongs to another node or tab.
      if (mine === this.requestNumber && this.panel.dataset["shows"] !== this.contentKey()) this.showFailure(error);
      return;
    } finally {
      if (mine === this.requestNumber) this.panel.removeAttribute("aria-busy");
    }
    if (mine !== this.requestNumber) return;
    this.update(text);
  }

  /** Shows that the content could not be loaded. */
  private showFailure(error: unknown): void {
    const { store, panel } = this;
    const { chosen } = store;
    const head = element(
      "div",
      "phead",
      element(
        "div",
        "row",
        element("h1", "grow anywhere", chosen ? visible(store.nodes.get(chosen)?.name ?? chosen) : gettext("This run")),
      ),
    );
    if (chosen) head.append(element("div", "meta anywhere mono", chosen));
    head.dataset["panelNode"] = chosen;
    const body = element(
      "div",
      "pbody",
      element(
        "section",
        "",
        loadFailure(
          gettext("Details could not be loaded"),
          requestErrorText(error),
          isRetryable(error) ? () => void this.load() : null,
        ),
      ),
    );
    body.tabIndex = -1;
    body.dataset["panelBody"] = "";
    panel.replaceChildren(head, body);
    panel.dataset["shows"] = "";
  }

  private contentKey(): string {
    return `${this.store.chosen} ${this.query.get("tab") ?? ""} ${this.query.get("offset") ?? ""}`;
  }

  private update(text: string): void {
    const { panel } = this;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const wanted = element("aside");
    wanted.append(...fresh.body.childNodes);
    for (const { name, value } of [...panel.attributes]) wanted.setAttribute(name, value);
    const body = one("[data-panel-body]", panel);
    if (panel.dataset["shows"] !== this.contentKey()) {
      // Another node or tab: keep nothing of the old content but the tabs, which may have the focus.
      body?.replaceChildren(element("section"));
      body?.scrollTo(0, 0);
      wanted.dataset["shows"] = this.contentKey();
    }
    morph(panel, wanted);
    refreshTimes(panel);
    this.drawCharts();
    this.buttons.restoreBusy();
  }

  private openStacks(): void {
    const taken = one<HTMLDetailsElement>("details[data-stack]", this.panel);
    if (!taken) return;
    taken.open = true;
    taken.scrollIntoView({ block: "nearest" });
    one("summary", taken)?.focus();
  }

  private drawCharts(): void {
    const tiles = one("[data-tiles]", this.panel);
    const samples = this.store.samples(this.store.chosen).slice(-SPARK_SAMPLES);
    const newest = samples.at(-1);
    // The server's chart may reach further back than the samples received here.
    if (!tiles || !newest || samples.length < 2) return;
    const cpu = samples.map((sample) => sample.cpu);
    const memory = samples.map((sample) => sample.memory);
    const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);
    this.drawChart(
      tiles,
      "cpu",
      newest.cpu === null ? "–" : `${newest.cpu.toFixed(0)} %`,
      cpu,
      Math.max(100, ...known(cpu)),
    );
    const limit = Number(one('[data-tile="memory"]', tiles)?.dataset["limit"] ?? "");
    this.drawChart(
      tiles,
      "memory",
      newest.memory === null ? "–" : size(newest.memory),
      memory,
      limit || 1.15 * Math.max(1, ...known(memory)),
    );
  }

  private drawChart(
    tiles: HTMLElement,
    name: string,
    value: string,
    values: readonly (number | null)[],
    most: number,
  ): void {
    const tile = one(`[data-tile="${name}"]`, tiles);
    setText(one("[data-tile-value]", tile ?? tiles), value);
    const path = tile && one<SVGPathElement>("path", tile);
    // Do not replace a longer chart of the server.
    if (path && values.length * 2 >= (path.getAttribute("d")?.match(/[ML]/g)?.length ?? 0))
      setAttribute(path, "d", sparklinePath(values, most));
  }
}
