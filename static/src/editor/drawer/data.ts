/** Data of the chosen node or edge: the newest output that is known, as rows or as text, and how it stands.
 *
 * What is shown stays until what takes its place is there, or takes long: choosing one node after another shows no
 * flicker. Rows come in pieces while the browser is idle, so that a wide table does not hold what one does.
 */

import { call } from "../../api/client";
import { refreshTimes } from "../../behaviours/clock";
import { loadFailure } from "../../behaviours/load-failure";
import { element, icon, setAttribute, setHidden } from "../../dom";
import { configOf, type DocNode, nameOf, typeOf } from "../../document/document";
import type { NodeRun } from "../../live/protocol";
import { nodeSummary, firstLine, errorSummary } from "../../words/node-summary";
import type { RunStore } from "../../run/store";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, stateLook, size, visible } from "../../words/words";
import type { Editing } from "../parts";
import {
  fileKey,
  outputKey,
  type Payload,
  readPayload,
  type ShownColumn,
  standingOf,
  subjectOf,
  typeSaid,
} from "./preview";
import type { NodeOutputInfo } from "../../document/store";

const KEPT = 24;
const PATIENCE_MS = 200;
/** A path is typed: what it leads to is looked at when that rests. */
const REST_MS = 150;
/** Cells that are made at once. */
const CELLS = 1500;
const NAME_MAX = 80;

export function mountData(host: HTMLElement, tools: HTMLElement, editing: Editing): void {
  new DataView(host, tools, editing);
}

class DataView {
  private readonly kept = new Map<string, Payload>();
  /** What the body shows: an output's key, or the word of a state. */
  private shown = "";
  private asked = "";
  private rest = 0;
  private patience = 0;
  private frame = 0;
  private run: RunStore | null = null;
  private forget = (): void => undefined;
  private readonly note = element("div", "datanote");
  private readonly body = element("div", "databody");
  private readonly about = element("span", "meta about");
  private readonly stale = element(
    "span",
    "chip st-stuck",
    icon("warn"),
    element("span", "", gettext("Before your changes")),
  );
  private readonly get = element("button", "btn quiet small icon", icon("out", true));
  private readonly menu = element("div", "menu float");
  private readonly again = element("button", "btn quiet small icon", icon("play", true));

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
    this.get.type = "button";
    this.get.setAttribute("aria-label", gettext("Download data"));
    this.get.title = gettext("Download data");
    this.menu.id = "data-download";
    this.menu.setAttribute("popover", "");
    this.menu.dataset["anchor"] = "end";
    this.get.setAttribute("popovertarget", this.menu.id);
    this.stale.dataset["stale"] = "";
    this.stale.title = gettext("This node or one upstream was edited since this run.");
    this.again.type = "button";
    this.again.dataset["dataAgain"] = "";
    this.again.setAttribute("aria-label", gettext("Run to here"));
    this.again.title = gettext("Run to here");
    this.again.addEventListener("click", () => {
      const node = subjectOf(store);
      if (node) this.runTo(this.again, node.id);
    });
    tools.append(this.stale, this.about, this.again, this.get, this.menu);
    store.listen((update) => {
      if (update.run) this.follow();
      // Files change by themselves: each look at one is a new one.
      if (update.selection) for (const key of [...this.kept.keys()]) if (key.startsWith("file ")) this.kept.delete(key);
      if (update.selection || update.outputs || update.doc || update.run || update.schemas) this.soon();
    });
    this.follow();
    this.draw();
  }

  private follow(): void {
    this.forget();
    this.run = this.editing.store.run;
    this.forget = this.run
      ? this.run.listen((change) => {
          const id = subjectOf(this.editing.store)?.id;
          if (change.snapshot || change.run || (id !== undefined && change.nodes.has(id))) this.soon();
        })
      : () => undefined;
  }

  /** Several changes of one frame are drawn once. */
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
    // What a run says of a node that was edited since is of the past.
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
      this.say(several ? "several" : "nothing", () =>
        element(
          "div",
          "empty small",
          icon("table"),
          element("b", "", gettext("Nothing selected")),
          element("p", "", gettext("Select a node or connection to preview its output.")),
        ),
      );
      return;
    }
    if (output) {
      this.showOutput(node.id, output);
      return;
    }
    if (standing?.kind === "failed")
      this.say(`failed ${node.id} ${standing.node.attempt} ${standing.node.state}`, () => this.failure(standing.node));
    else if (standing?.kind === "under way")
      this.say(`under way ${node.id}`, () =>
        element(
          "div",
          "empty small",
          icon("run"),
          element("b", "", gettext("No data yet")),
          element("p", "", gettext("Data appears when this node succeeds.")),
        ),
      );
    else this.showFile(node);
  }

  private drawTools(node: string, output: NodeOutputInfo | null): void {
    const key = output ? outputKey(node, output) : "";
    setHidden(this.stale, !output || !this.editing.store.isStale(node));
    setHidden(this.get, !output);
    setHidden(this.again, !output || this.editing.facts.archived);
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
    const said: (Node | string)[] = [];
    if (output.rows !== null)
      said.push(fill(ngettext("{n} row", "{n} rows", output.rows), { n: count(output.rows) }), " · ");
    if (output.columns)
      said.push(
        fill(ngettext("{n} column", "{n} columns", output.columns.length), { n: count(output.columns.length) }),
        " · ",
      );
    if (output.kind === "json") said.push(gettext("JSON value"), " · ");
    this.about.replaceChildren(...said, `${gettext("from")} `, link, " · ", at);
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

  /** A line over the data: what goes on with the node now, or that it failed since. */
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
    // A node's own words are of when it last changed; the run may have begun since.
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
    if (failed) parts.push(...this.ways(failed));
    this.note.replaceChildren(...parts);
  }

  /** Where to look at a failure: its line in the inspector, and the run. */
  private ways(node: NodeRun): HTMLElement[] {
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
    const said = element("div", "datafailed st-failed");
    said.append(element("b", "", node.error ? firstLine(errorSummary(node.error)) : word));
    if (node.error?.message.includes("\n")) said.append(element("pre", "code wrap", visible(node.error.message)));
    else if (!node.error) said.append(element("p", "dim", nodeSummary(node)));
    said.append(element("div", "row wrap", ...this.ways(node)));
    said.dataset["failed"] = node.node;
    return said;
  }

  private unknown(node: string): HTMLElement {
    const { facts } = this.editing;
    const said = element(
      "div",
      "empty small",
      icon("table"),
      element("b", "", gettext("Not run yet")),
      element("p", "", gettext("Run to here to see its data. This runs the node and everything it depends on.")),
    );
    if (!facts.archived) {
      const run = element("button", "btn", icon("play", true), gettext("Run to here"));
      run.type = "button";
      run.dataset["dataRun"] = "";
      run.addEventListener("click", () => this.runTo(run, node));
      said.append(element("div", "row", run));
    }
    return said;
  }

  private runTo(button: HTMLButtonElement, node: string): void {
    button.disabled = true;
    void this.editing.runs.run([node]).finally(() => (button.disabled = false));
  }

  private say(word: string, make: () => HTMLElement): void {
    this.asked = "";
    window.clearTimeout(this.patience);
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
    if (this.shown === key || this.asked === key) return;
    const known = this.kept.get(key);
    if (known) {
      this.asked = "";
      this.put(key, this.content(known, node, output));
      return;
    }
    this.asked = key;
    window.clearTimeout(this.patience);
    this.patience = window.setTimeout(() => {
      if (this.asked === key) this.put(`loading ${key}`, this.waiting(output));
    }, PATIENCE_MS);
    void this.load(key, node, output);
  }

  /** Nothing has run: of a file that is to be read its beginning is shown all the same. */
  private showFile(node: DocNode): void {
    const key = fileKey(node, this.editing.facts.types);
    const known = this.kept.get(key);
    if (!key || known?.kind === "none") this.say(`unknown ${node.id}`, () => this.unknown(node.id));
    else if (known) {
      this.asked = "";
      if (this.shown !== key) this.put(key, this.content(known, node.id, null));
    } else if (this.asked !== key) {
      this.asked = key;
      window.clearTimeout(this.patience);
      this.patience = window.setTimeout(() => {
        if (this.asked === key && this.shown !== `unknown ${node.id}`)
          this.put(`unknown ${node.id}`, this.unknown(node.id));
      }, PATIENCE_MS);
      window.clearTimeout(this.rest);
      this.rest = window.setTimeout(() => {
        if (this.asked === key) void this.loadFile(key, node);
      }, REST_MS);
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
      // It is an extra: without it, running to here shows the data.
    }
    this.keep(key, payload);
    if (this.asked !== key) return;
    window.clearTimeout(this.patience);
    this.asked = "";
    this.soon();
  }

  private keep(key: string, payload: Payload): void {
    this.kept.set(key, payload);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest);
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
      if (this.asked !== key) return;
      content = this.content(payload, node, output);
    } catch (error) {
      if (this.asked !== key) return;
      const why =
        error instanceof TypeError
          ? gettext("You're offline. Try again when you're connected.")
          : error instanceof Error
            ? error.message
            : String(error);
      content = loadFailure(gettext("The data could not be loaded"), why, () => this.showOutput(node, output));
      this.asked = "";
      window.clearTimeout(this.patience);
      this.put(`refused ${key}`, content);
      return;
    }
    window.clearTimeout(this.patience);
    this.asked = "";
    this.put(key, content);
  }

  /** The table as far as it is known before its rows are there. */
  private waiting(output: NodeOutputInfo): HTMLElement {
    if (!output.columns) return element("div", "empty small", element("p", "meta", gettext("Loading …")));
    return tableOf(
      output.columns.map((column) => ({ ...column, nulls: null, distinct: null, number: false })),
      output.rows ?? 0,
    ).table;
  }

  /** `output` null: the beginning of a file. */
  private content(payload: Payload, node: string, output: NodeOutputInfo | null): HTMLElement {
    if (payload.kind === "unreadable")
      return element(
        "div",
        "empty small",
        icon("warn"),
        element("b", "", gettext("The data is no longer available")),
        element("p", "", visible(payload.why)),
      );
    if (payload.kind === "none") return this.unknown(node);
    if (payload.kind === "json") {
      const text = element("pre", "code wrap", visible(payload.text));
      text.dataset["value"] = "";
      const said = element("div", "datavalue", text);
      if (payload.cut)
        said.append(
          element(
            "p",
            "meta",
            fill(gettext("Showing the beginning of {size}. Download for everything."), { size: size(payload.bytes) }),
          ),
        );
      return said;
    }
    const { table, body } = tableOf(payload.columns.slice(0, payload.shown), payload.counted);
    const box = element("div", "datatable", table);
    const said: string[] = [];
    if (!output) {
      this.fillRows(body, payload);
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
      said.push(
        fill(gettext("Showing the first {n} of {all} rows. Download for all."), {
          n: count(payload.rows.length),
          all: count(payload.total),
        }),
      );
    if (payload.shown < payload.columns.length)
      said.push(
        fill(gettext("Showing the first {n} of {all} columns."), {
          n: count(payload.shown),
          all: count(payload.columns.length),
        }),
      );
    if (payload.counted < payload.total)
      said.push(fill(gettext("Nulls are counted in the first {n} rows."), { n: count(payload.counted) }));
    if (!payload.total) said.push(gettext("No rows."));
    if (said.length) box.append(element("p", "meta", said.join(" ")));
    this.fillRows(body, payload);
    return box;
  }

  private fillRows(body: HTMLElement, payload: Payload & { readonly kind: "table" }): void {
    const numbers = payload.columns.map((column) => column.number);
    const atOnce = Math.max(10, Math.floor(CELLS / Math.max(1, payload.shown)));
    const upto = (from: number): void => {
      const some = payload.rows
        .slice(from, from + atOnce)
        .map((row) => element("tr", "", ...row.map((cell, at) => cellOf(cell, numbers[at] ?? false))));
      body.append(...some);
      const next = from + some.length;
      if (next < payload.rows.length)
        later(() => {
          if (body.isConnected) upto(next);
        });
      else body.dataset["rows"] = String(next);
    };
    upto(0);
  }
}

function cellOf(cell: string | null, isNumber: boolean): HTMLTableCellElement {
  const made = element("td", cell === null ? "null" : isNumber ? "num" : "", cell ?? "null");
  if (cell === null && isNumber) made.classList.add("num");
  if (cell !== null && cell.length > 40) made.title = cell;
  return made;
}

function tableOf(columns: readonly ShownColumn[], counted: number): { table: HTMLTableElement; body: HTMLElement } {
  const heads = columns.map((column) => {
    const name = visible(column.name.length > NAME_MAX ? `${column.name.slice(0, NAME_MAX)}…` : column.name);
    const about = element("span", "ty", said(column));
    if (column.nulls) about.classList.add("holes");
    if (column.nulls !== null)
      about.title = fill(gettext("{n} of {all} rows are null"), { n: count(column.nulls), all: count(counted) });
    const head = element("th", column.number ? "num" : "", name, about);
    head.scope = "col";
    head.dataset["column"] = column.name;
    return head;
  });
  const body = element("tbody");
  const table = element("table", "", element("thead", "", element("tr", "", ...heads)), body);
  return { table, body };
}

/** "text · 16 values", "double · 0 null". */
function said(column: ShownColumn): string {
  const parts = [visible(typeSaid(column.type).slice(0, NAME_MAX))];
  if (column.distinct !== null)
    parts.push(fill(ngettext("{n} value", "{n} values", column.distinct), { n: count(column.distinct) }));
  if (column.nulls !== null && (column.nulls || column.distinct === null))
    parts.push(fill(gettext("{n} null"), { n: count(column.nulls) }));
  return parts.join(" · ");
}

/** Safari has no idle callbacks. */
function later(run: () => void): void {
  if (typeof window.requestIdleCallback === "function") window.requestIdleCallback(run, { timeout: 200 });
  else window.setTimeout(run, 16);
}
