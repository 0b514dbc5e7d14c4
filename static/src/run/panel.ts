/** The panel at the side: HTML of the server about the chosen node or the run, asked for again when what it shows changed.
 *
 * Links to the run's own nodes and tabs are taken here, so that the page stands while one looks around; without scripts
 * they are links. What somebody has open, typed or scrolled to survives a refresh (behaviours/morph.ts).
 */

import { ApiError } from "../api/client";
import { refreshTimes } from "../behaviours/clock";
import { morph } from "../behaviours/morph";
import { loadFailure } from "../behaviours/load-failure";
import { all, element, one, setAttribute, setText, throttled } from "../dom";
import type { NodeRun } from "../live/protocol";
import { gettext } from "../words/i18n";
import { NODE_ENDED, RUN_ENDED, size, visible } from "../words/words";
import { keepQuery, readQuery } from "./url";
import { Calls } from "./api-buttons";
import { mayCome, whyNot } from "./loading";
import { spark } from "./sparkline";
import type { RunStore } from "./store";

export interface Panel {
  /** Shows a tab of the chosen node (`why`, `output`, ...) and takes the focus there. */
  show(tab: string): void;
}

const REFRESH_MS = 500;
const EVERY_MS = 2000;
/** Samples that a small chart shows: two minutes. */
const SPARK_SAMPLES = 120;
const LIVE_TABS: ReadonlySet<string> = new Set(["", "why", "attempts"]);

/** Parts of a node that its panel shows; progress alone does not ask the server again. */
function facets(node: NodeRun | undefined): string {
  return node ? JSON.stringify([node.state, node.attempt, node.reason, node.error, node.output, node.waiting_for]) : "";
}

export function startPanel(store: RunStore, root: HTMLElement): Panel {
  const panel = one("[data-panel]", root);
  if (!panel) throw new Error("The page has no panel.");
  return new NodePanel(store, root, panel);
}

class NodePanel implements Panel {
  private readonly calls: Calls;
  private readonly refreshSoon = throttled(REFRESH_MS, () => void this.ask());
  /** What of the node is looked at: tab, offset of rows, which stack. */
  private query = new URLSearchParams();
  private asked = 0;
  private known = "";
  private askedAt = 0;

  constructor(
    private readonly store: RunStore,
    root: HTMLElement,
    private readonly panel: HTMLElement,
  ) {
    for (const name of ["tab", "offset", "stack", "before"]) if (readQuery(name)) this.query.set(name, readQuery(name));
    // The page came with it: what is open in it by then stays open.
    panel.dataset["shows"] = this.place();
    this.calls = new Calls(store, root, (stack) => {
      if (stack) {
        this.query = new URLSearchParams({ tab: "why", stack: "newest" });
        void this.ask().then(() => this.openStacks());
      } else this.refreshSoon();
    });
    store.listen((change) => {
      if (change.chosen) {
        this.known = this.shown();
        this.query = new URLSearchParams();
        void this.ask();
        return;
      }
      if (change.samples.has(store.chosen)) this.drawTiles();
      if (!change.snapshot && !change.run && !change.stuck.size && !change.nodes.has(store.chosen)) return;
      const now = this.shown();
      // What the page came with may have ended before the first snapshot.
      if ((this.known && this.known !== now) || this.isOld()) this.refreshSoon();
      this.known = now;
    });
    panel.addEventListener("click", (event) => this.follow(event));
    // A row count of the graph was pressed, which has chosen its node.
    root.addEventListener("run:output", () => {
      this.query = new URLSearchParams({ tab: "output" });
      keepQuery("tab", "output");
      void this.ask();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.refreshSoon();
    });
    window.setInterval(() => {
      if (!document.hidden && (this.goesOn() || this.isOld()) && performance.now() - this.askedAt >= EVERY_MS)
        this.refreshSoon();
    }, EVERY_MS / 2);
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

  private shown(): string {
    const { store } = this;
    if (store.chosen) return facets(store.nodes.get(store.chosen)) + String(store.stuck.has(store.chosen));
    return store.run ? JSON.stringify([store.run.state, store.run.counts, store.stuck.size]) : "";
  }

  /** Whether the HTML tells of another state than the one that is known: it was made before, or could not be fetched. */
  private isOld(): boolean {
    const { store } = this;
    const { panelNode, panelOf } = one("[data-panel-node]", this.panel)?.dataset ?? {};
    if (!store.ready || panelNode !== store.chosen) return false;
    const node = store.nodes.get(store.chosen);
    const known = node ? `${node.state} ${node.attempt}` : store.chosen ? undefined : store.run?.state;
    return known !== undefined && panelOf !== known;
  }

  /** Whether what is shown changes by time alone. */
  private goesOn(): boolean {
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

  private follow(event: MouseEvent): void {
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
    // In a chart the link is of SVG: its address is an object.
    const address = new URL(link.getAttribute("href") ?? "", location.href);
    const match = new RegExp(`^/runs/${this.store.id}/(?:nodes/([a-z][a-z0-9_]*)/)?$`).exec(address.pathname);
    if (address.origin !== location.origin || !match) return;
    event.preventDefault();
    const node = match[1] ?? "";
    if (node !== this.store.chosen) this.store.choose(node);
    const wanted = address.searchParams;
    if (node && wanted.toString() !== this.query.toString()) {
      this.query = wanted;
      void this.ask();
    }
    keepQuery("tab", node ? (wanted.get("tab") ?? "") : "");
  }

  private async ask(): Promise<void> {
    const mine = ++this.asked;
    const address = this.address();
    if (this.panel.dataset["shows"] !== this.place()) setAttribute(this.panel, "aria-busy", "true");
    this.askedAt = performance.now();
    let text: string;
    try {
      const response = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      text = await response.text();
      if (response.redirected || !response.ok) {
        const status = response.redirected ? 401 : response.status;
        throw new ApiError(status, "", gettext("You're signed out. Reload the page to sign in."), {});
      }
    } catch (error) {
      // What is shown stays, unless it is of another node or tab.
      if (mine === this.asked && this.panel.dataset["shows"] !== this.place()) this.failed(error);
      return;
    } finally {
      if (mine === this.asked) this.panel.removeAttribute("aria-busy");
    }
    if (mine !== this.asked) return;
    this.bring(text);
  }

  /** Nothing is known of what was chosen: says so in its place. It is asked for again as what is old is. */
  private failed(error: unknown): void {
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
          gettext("What is known of it could not be loaded"),
          whyNot(error),
          mayCome(error) ? () => void this.ask() : null,
        ),
      ),
    );
    body.tabIndex = -1;
    body.dataset["panelBody"] = "";
    panel.replaceChildren(head, body);
    panel.dataset["shows"] = "";
  }

  private place(): string {
    return `${this.store.chosen} ${this.query.get("tab") ?? ""} ${this.query.get("offset") ?? ""}`;
  }

  private bring(text: string): void {
    const { panel } = this;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const wanted = element("aside");
    wanted.append(...fresh.body.childNodes);
    for (const { name, value } of [...panel.attributes]) wanted.setAttribute(name, value);
    const body = one("[data-panel-body]", panel);
    if (panel.dataset["shows"] !== this.place()) {
      // Another node or tab: nothing of the last one is to be kept. The tabs stay, and with them the focus.
      body?.replaceChildren(element("section"));
      body?.scrollTo(0, 0);
      wanted.dataset["shows"] = this.place();
    }
    morph(panel, wanted);
    refreshTimes(panel);
    this.drawTiles();
    this.calls.mark();
  }

  private openStacks(): void {
    const taken = one<HTMLDetailsElement>("details[data-stack]", this.panel);
    if (!taken) return;
    taken.open = true;
    taken.scrollIntoView({ block: "nearest" });
    one("summary", taken)?.focus();
  }

  private drawTiles(): void {
    const tiles = one("[data-tiles]", this.panel);
    const samples = this.store.samples(this.store.chosen).slice(-SPARK_SAMPLES);
    const newest = samples.at(-1);
    // The server's values reach further back than the first samples that this page has heard of.
    if (!tiles || !newest || samples.length < 2) return;
    const cpu = samples.map((sample) => sample.cpu);
    const memory = samples.map((sample) => sample.memory);
    const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);
    this.drawTile(
      tiles,
      "cpu",
      newest.cpu === null ? "–" : `${newest.cpu.toFixed(0)} %`,
      cpu,
      Math.max(100, ...known(cpu)),
    );
    const limit = Number(one('[data-tile="memory"]', tiles)?.dataset["limit"] ?? "");
    this.drawTile(
      tiles,
      "memory",
      newest.memory === null ? "–" : size(newest.memory),
      memory,
      limit || 1.15 * Math.max(1, ...known(memory)),
    );
  }

  private drawTile(
    tiles: HTMLElement,
    name: string,
    value: string,
    values: readonly (number | null)[],
    most: number,
  ): void {
    const tile = one(`[data-tile="${name}"]`, tiles);
    setText(one("[data-tile-value]", tile ?? tiles), value);
    const path = tile && one<SVGPathElement>("path", tile);
    // A line that the server drew longer is not made shorter.
    if (path && values.length * 2 >= (path.getAttribute("d")?.match(/[ML]/g)?.length ?? 0))
      setAttribute(path, "d", spark(values, most));
  }
}
