/** The drawer's data tab: the newest output of the selected node or edge, as a table or as text, and the node's state.
 *
 * The old content stays until the new one is loaded or loading takes long, so that selecting one node after another does
 * not flicker. One class holds the loading, the states and the tools, because all of them change together.
 */

import { call, errorText } from "../../api/client";
import { refreshTimes } from "../../behaviours/clock";
import { loadFailure } from "../../behaviours/load-failure";
import { element, emptyNote, icon, setAttribute, setHidden } from "../../dom";
import { configOf, type DocNode, nameOf, typeOf } from "../../document/document";
import type { NodeRun } from "../../live/protocol";
import { nodeSummary, firstLine, errorSummary } from "../../words/node-summary";
import type { RunStore } from "../../run/store";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, stateLook, size, visible } from "../../words/words";
import type { Editing } from "../parts";
import { fileKey, outputKey, type Payload, readPayload, standingOf, subjectOf } from "./preview";
import { fillRows, tableOf } from "./data-table";
import type { NodeOutputInfo } from "../../document/store";

const PAYLOADS_MAX = 24;
const LOADING_MS = 200;
/** A file is requested when its path has not changed for so long. */
const TYPING_MS = 150;

export function mountData(host: HTMLElement, tools: HTMLElement, editing: Editing): void {
  new DataView(host, tools, editing);
}

class DataView {
  private readonly payloads = new Map<string, Payload>();
  /** What the body shows: the key of an output, or a state. */
  private shown = "";
  private requested = "";
  private typingTimer = 0;
  private loadingTimer = 0;
  private frame = 0;
  private run: RunStore | null = null;
  private stopListening = (): void => undefined;
  private readonly note = element("div", "datanote");
  private readonly body = element("div", "databody");
  private readonly about = element("span", "meta about");
  private readonly stale = element(
    "span",
    "chip st-stuck",
    icon("warn"),
    element("span", "", gettext("Before your changes")),
  );
  private readonly downloadButton = element("button", "btn quiet small icon", icon("out", true));
  private readonly menu = element("div", "menu float");
  private readonly runButton = element("button", "btn quiet small icon", icon("play", true));

  constructor(
    private readonly host: HTMLElement,
    tools: HTMLElement,
    private readonly editing: Editing,
  ) {
    const { store } = editing;
    host.classList.add("data");
    this.note.setAttribute("role", "status");
    this.body.tabIndex = 0;
    this.body.setAttribute("role", "region");
    host.replaceChildren(this.note, this.body);
    this.downloadButton.type = "button";
    this.downloadButton.setAttribute("aria-label", gettext("Download data"));
    this.downloadButton.title = gettext("Download data");
    this.menu.id = "data-download";
    this.menu.setAttribute("popover", "");
    this.menu.dataset["anchor"] = "end";
    this.downloadButton.setAttribute("popovertarget", this.menu.id);
    this.stale.dataset["stale"] = "";
    this.stale.title = gettext("This node or one upstream was edited since this run.");
    this.runButton.type = "button";
    this.runButton.dataset["dataAgain"] = "";
    this.runButton.setAttribute("aria-label", gettext("Run to here"));
    this.runButton.title = gettext("Run to here");
    this.runButton.addEventListener("click", () => {
      const node = subjectOf(store);
      if (node) this.runTo(this.runButton, node.id);
    });
    tools.append(this.stale, this.about, this.runButton, this.downloadButton, this.menu);
    store.listen((update) => {
      if (update.run) this.follow();
      // Files may change at any time: request them again after each selection.
      if (update.selection)
        for (const key of [...this.payloads.keys()]) if (key.startsWith("file ")) this.payloads.delete(key);
      if (update.selection || update.outputs || update.doc || update.run || update.schemas) this.soon();
    });
    this.follow();
    this.draw();
  }

  private follow(): void {
    this.stopListening();
    this.run = this.editing.store.run;
    this.stopListening = this.run
      ? this.run.listen((change) => {
          const id = subjectOf(this.editing.store)?.id;
          if (change.snapshot || change.run || (id !== undefined && change.nodes.has(id))) this.soon();
        })
      : () => undefined;
  }

  /** Draws in the next frame, once for several changes. */
  private soon(): void {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }
  }

  private draw(): void {
    const { store } = this.editing;
    const node = subjectOf(store);
    const output = node ? (store.outputs.get(node.id) ?? null) : null;
    // The state of a node that was edited since the run is outdated.
    const standing = node && !store.isEditedSinceRun(node.id) ? standingOf(this.run, node.id) : null;
    this.drawTools(node?.id ?? "", output);
    this.drawNote(standing, output !== null);
    setAttribute(
      this.body,
      "aria-label",
      node ? fill(gettext("Data of {node}"), { node: visible(nameOf(node)) }) : gettext("Data"),
    );
    if (!node) {
      const several = store.selection.nodes.size + store.selection.edges.size > 1;
      this.showState(several ? "several" : "nothing", () =>
        emptyNote("table", gettext("Nothing selected"), gettext("Select a node or connection to preview its output.")),
      );
      return;
    }
    if (output) {
      this.showOutput(node.id, output);
      return;
    }
    if (standing?.kind === "failed")
      this.showState(`failed ${node.id} ${standing.node.attempt} ${standing.node.state}`, () =>
        this.failure(standing.node),
      );
    else if (standing?.kind === "under way")
      this.showState(`under way ${node.id}`, () =>
        emptyNote("run", gettext("No data yet"), gettext("Data appears when this node succeeds.")),
      );
    else this.showFile(node);
  }

  private drawTools(node: string, output: NodeOutputInfo | null): void {
    const key = output ? outputKey(node, output) : "";
    setHidden(this.stale, !output || !this.editing.store.isStale(node));
    setHidden(this.downloadButton, !output);
    setHidden(this.runButton, !output || this.editing.facts.archived);
    if (this.about.dataset["of"] === key) return;
    this.about.dataset["of"] = key;
    if (!output) {
      this.about.replaceChildren();
      this.menu.replaceChildren();
      return;
    }
    const link = element("a", "text", fill(gettext("run {run}"), { run: output.run }));
    link.href = `/runs/${encodeURIComponent(output.run)}/nodes/${encodeURIComponent(node)}/?tab=output`;
    const at = element("time");
    at.dateTime = output.at;
    at.dataset["form"] = "ago";
    const parts: (Node | string)[] = [];
    if (output.rows !== null)
      parts.push(fill(ngettext("{n} row", "{n} rows", output.rows), { n: count(output.rows) }), " · ");
    if (output.columns)
      parts.push(
        fill(ngettext("{n} column", "{n} columns", output.columns.length), { n: count(output.columns.length) }),
        " · ",
      );
    if (output.kind === "json") parts.push(gettext("JSON value"), " · ");
    this.about.replaceChildren(...parts, `${gettext("from")} `, link, " · ", at);
    refreshTimes(this.about);
    const forms = output.kind === "table" ? (["csv", "parquet", "json"] as const) : (["json"] as const);
    this.menu.replaceChildren(
      ...forms.map((form) => {
        const item = element("a", "", icon("out", true), form === "parquet" ? "Parquet" : form.toUpperCase());
        item.href = `/api/v1/runs/${encodeURIComponent(output.run)}/nodes/${encodeURIComponent(node)}/output/download/?format=${form}`;
        item.download = "";
        return item;
      }),
    );
  }

  /** Shows a line above the data: the state of the node in the present run, or that it has failed since. */
  private drawNote(standing: ReturnType<typeof standingOf> | null, known: boolean): void {
    const under = standing?.kind === "under way" ? standing.node : null;
    const failed = known && standing?.kind === "failed" ? standing.node : null;
    const node = under ?? failed;
    const key = node
      ? JSON.stringify([
          this.run?.run?.state,
          node.node,
          node.state,
          node.attempt,
          node.progress,
          node.error?.message,
          node.waiting_for.map((wait) => wait.message),
        ])
      : "";
    setHidden(this.note, !node);
    if (this.note.dataset["of"] === key) return;
    this.note.dataset["of"] = key;
    if (!node) {
      this.note.replaceChildren();
      return;
    }
    const { icon: name, word } = stateLook(node.state);
    // A node's waiting condition dates from its last change; the run may have started since.
    const behind = node.waiting_for[0]?.code === "run_queued" && this.run?.run?.state !== "queued";
    this.note.className = `datanote st-${node.state}`;
    const parts: Node[] = [
      element("span", `chip st-${node.state}`, icon(name), word),
      element("span", "said", failed?.error ? errorSummary(failed.error) : behind ? "" : nodeSummary(node)),
    ];
    const done = node.progress?.fraction;
    if (under && typeof done === "number") {
      const bar = element("progress", "bar");
      bar.max = 1;
      bar.value = done;
      bar.setAttribute("aria-label", gettext("Progress"));
      parts.push(bar);
    }
    if (failed) parts.push(...this.failureLinks(failed));
    this.note.replaceChildren(...parts);
  }

  /** Links to the line of a failure in the inspector, and to the run. */
  private failureLinks(node: NodeRun): HTMLElement[] {
    const found: HTMLElement[] = [];
    const line = node.error?.line ?? null;
    const code = this.editing.facts.types.get(node.type)?.code;
    if (line !== null && code) {
      const open = element("button", "btn small", fill(gettext("Show line {n}"), { n: line }));
      open.type = "button";
      open.dataset["showLine"] = String(line);
      open.addEventListener("click", () => this.editing.inspector.open(node.node, ["config", code.field], line));
      found.push(open);
    }
    if (this.run) {
      const link = element("a", "btn small", gettext("Open in the run"));
      link.href = `/runs/${encodeURIComponent(this.run.id)}/nodes/${encodeURIComponent(node.node)}/`;
      found.push(link);
    }
    return found;
  }

  private failure(node: NodeRun): HTMLElement {
    const { word } = stateLook(node.state);
    const box = element("div", "datafailed st-failed");
    box.append(element("b", "", node.error ? firstLine(errorSummary(node.error)) : word));
    if (node.error?.message.includes("\n")) box.append(element("pre", "code wrap", visible(node.error.message)));
    else if (!node.error) box.append(element("p", "dim", nodeSummary(node)));
    box.append(element("div", "row wrap", ...this.failureLinks(node)));
    box.dataset["failed"] = node.node;
    return box;
  }

  private notRun(node: string): HTMLElement {
    const { facts } = this.editing;
    const box = emptyNote(
      "table",
      gettext("Not run yet"),
      gettext("Run to here to see its data. This runs the node and everything it depends on."),
    );
    if (!facts.archived) {
      const run = element("button", "btn", icon("play", true), gettext("Run to here"));
      run.type = "button";
      run.dataset["dataRun"] = "";
      run.addEventListener("click", () => this.runTo(run, node));
      box.append(element("div", "row", run));
    }
    return box;
  }

  private runTo(button: HTMLButtonElement, node: string): void {
    button.disabled = true;
    void this.editing.runs.run([node]).finally(() => (button.disabled = false));
  }

  private showState(word: string, make: () => HTMLElement): void {
    this.requested = "";
    window.clearTimeout(this.loadingTimer);
    if (this.shown === word) return;
    this.put(word, make());
  }

  private put(word: string, content: HTMLElement): void {
    this.shown = word;
    this.body.replaceChildren(content);
    this.body.scrollTop = 0;
    this.host.dataset["shown"] = word;
  }

  private showOutput(node: string, output: NodeOutputInfo): void {
    const key = outputKey(node, output);
    if (this.shown === key || this.requested === key) return;
    const known = this.payloads.get(key);
    if (known) {
      this.requested = "";
      this.put(key, this.content(known, node, output));
      return;
    }
    this.requested = key;
    window.clearTimeout(this.loadingTimer);
    this.loadingTimer = window.setTimeout(() => {
      if (this.requested === key) this.put(`loading ${key}`, this.waiting(output));
    }, LOADING_MS);
    void this.load(key, node, output);
  }

  /** Shows the beginning of the file that a node without an output reads, if it reads one. */
  private showFile(node: DocNode): void {
    const key = fileKey(node, this.editing.facts.types);
    const known = this.payloads.get(key);
    if (!key || known?.kind === "none") this.showState(`unknown ${node.id}`, () => this.notRun(node.id));
    else if (known) {
      this.requested = "";
      if (this.shown !== key) this.put(key, this.content(known, node.id, null));
    } else if (this.requested !== key) {
      this.requested = key;
      window.clearTimeout(this.loadingTimer);
      this.loadingTimer = window.setTimeout(() => {
        if (this.requested === key && this.shown !== `unknown ${node.id}`)
          this.put(`unknown ${node.id}`, this.notRun(node.id));
      }, LOADING_MS);
      window.clearTimeout(this.typingTimer);
      this.typingTimer = window.setTimeout(() => {
        if (this.requested === key) void this.loadFile(key, node);
      }, TYPING_MS);
    }
  }

  private async loadFile(key: string, node: DocNode): Promise<void> {
    let payload: Payload = { kind: "none" };
    try {
      payload = readPayload(
        (
          await call("POST", `${this.editing.facts.address}edit/preview/`, {
            type: typeOf(node),
            config: configOf(node),
          })
        ).body,
      );
    } catch {
      // The preview is optional: "Run to here" shows the data.
    }
    this.keep(key, payload);
    if (this.requested !== key) return;
    window.clearTimeout(this.loadingTimer);
    this.requested = "";
    this.soon();
  }

  private keep(key: string, payload: Payload): void {
    this.payloads.set(key, payload);
    const [oldest] = this.payloads.keys();
    if (this.payloads.size > PAYLOADS_MAX && oldest !== undefined) this.payloads.delete(oldest);
  }

  private async load(key: string, node: string, output: NodeOutputInfo): Promise<void> {
    let content: HTMLElement;
    try {
      const { body } = await call(
        "GET",
        `${this.editing.facts.address}edit/data/${encodeURIComponent(output.run)}/${encodeURIComponent(node)}/`,
      );
      const payload = readPayload(body);
      this.keep(key, payload);
      if (this.requested !== key) return;
      content = this.content(payload, node, output);
    } catch (error) {
      if (this.requested !== key) return;
      content = loadFailure(gettext("The data could not be loaded"), errorText(error), () =>
        this.showOutput(node, output),
      );
      this.requested = "";
      window.clearTimeout(this.loadingTimer);
      this.put(`refused ${key}`, content);
      return;
    }
    window.clearTimeout(this.loadingTimer);
    this.requested = "";
    this.put(key, content);
  }

  /** The head of the table, shown while its rows are loading. */
  private waiting(output: NodeOutputInfo): HTMLElement {
    if (!output.columns) return element("div", "empty small", element("p", "meta", gettext("Loading …")));
    return tableOf(
      output.columns.map((column) => ({ ...column, nulls: null, distinct: null, number: false })),
      output.rows ?? 0,
    ).table;
  }

  /** `output`: null for the beginning of a file. */
  private content(payload: Payload, node: string, output: NodeOutputInfo | null): HTMLElement {
    if (payload.kind === "unreadable")
      return emptyNote("warn", gettext("The data is no longer available"), visible(payload.why));
    if (payload.kind === "none") return this.notRun(node);
    if (payload.kind === "json") {
      const text = element("pre", "code wrap", visible(payload.text));
      text.dataset["value"] = "";
      const box = element("div", "datavalue", text);
      if (payload.cut)
        box.append(
          element(
            "p",
            "meta",
            fill(gettext("Showing the beginning of {size}. Download for everything."), { size: size(payload.bytes) }),
          ),
        );
      return box;
    }
    const { table, body } = tableOf(payload.columns.slice(0, payload.shown), payload.counted);
    const box = element("div", "datatable", table);
    const notes: string[] = [];
    if (!output) {
      fillRows(body, payload);
      const run = element("button", "btn small", icon("play", true), gettext("Run to here"));
      run.type = "button";
      run.dataset["dataRun"] = "";
      run.addEventListener("click", () => this.runTo(run, node));
      const about = element(
        "p",
        "datafile",
        element(
          "span",
          "meta",
          fill(
            ngettext(
              "Showing the first {n} row of the file.",
              "Showing the first {n} rows of the file.",
              payload.total,
            ),
            { n: count(payload.total) },
          ),
        ),
      );
      if (!this.editing.facts.archived) about.append(run);
      box.prepend(about);
      return box;
    }
    if (payload.rows.length < payload.total)
      notes.push(
        fill(gettext("Showing the first {n} of {all} rows. Download for all."), {
          n: count(payload.rows.length),
          all: count(payload.total),
        }),
      );
    if (payload.shown < payload.columns.length)
      notes.push(
        fill(gettext("Showing the first {n} of {all} columns."), {
          n: count(payload.shown),
          all: count(payload.columns.length),
        }),
      );
    if (payload.counted < payload.total)
      notes.push(fill(gettext("Nulls are counted in the first {n} rows."), { n: count(payload.counted) }));
    if (!payload.total) notes.push(gettext("No rows."));
    if (notes.length) box.append(element("p", "meta", notes.join(" ")));
    fillRows(body, payload);
    return box;
  }
}
