/** Starts and follows runs of the draft, and loads the facts about the outputs of its nodes.
 *
 * The editor follows the newest run of the user's draft, also when another tab or a program started it. When nodes
 * succeed, their outputs are loaded again; when the run ends, a message is shown.
 */

import { isObject, type Json, type JsonObject } from "../../json";
import { call, errorText, send, signedOut } from "../../api/client";
import { openDialog } from "../../behaviours/popover";
import { toast } from "../../behaviours/toast";
import { throttled } from "../../dom";
import { type Doc, nameOf, nodeOf } from "../../document/document";

import { type RunFeed, feedRun } from "../../run/feed";
import { RunStore } from "../../run/store";
import { fill, gettext, ngettext } from "../../words/i18n";
import { RUN_ENDED, visible } from "../../words/words";
import type { DraftRuns, Editing } from "../parts";
import { showRefusal } from "../../document/perform";
import { firstFailed } from "../drawer/preview";
import type { Column, NodeOutputInfo } from "../../document/store";

const FRESH_MS = 3000;
const BURST_MS = 1500;
const CHECK_MS = 1500;

export function startDraftRuns(editing: Editing): DraftRuns {
  const runs = new Runs(editing);
  runs.start();
  return runs;
}

class Runs implements DraftRuns {
  private feed: RunFeed | null = null;
  /** The message about the last failed run. */
  private failureToast: HTMLElement | null = null;
  private starting = false;
  /** The number of the last request for outputs; answers to earlier ones are ignored. */
  private reading = 0;
  private readAt = -Infinity;
  /** The tag of the known outputs: the server does not send the same ones again. */
  private tag = "";
  private readonly soon = throttled(BURST_MS, () => void this.refresh());

  constructor(private readonly editing: Editing) {}

  start(): void {
    void this.refresh();
    const back = (): void => {
      if (!document.hidden && performance.now() - this.readAt > FRESH_MS) void this.refresh();
    };
    window.addEventListener("focus", back);
    document.addEventListener("visibilitychange", back);
    // The run form dispatches this event when the server has accepted the run.
    document.addEventListener("interlock:run", (event) => {
      const detail: unknown = event instanceof CustomEvent ? event.detail : null;
      const run = typeof detail === "object" && detail !== null && "run" in detail ? detail.run : null;
      if (typeof run !== "string") return;
      if (event.target instanceof Element) event.target.closest("dialog")?.close();
      this.follow(run, true);
    });
  }

  async run(targets: readonly string[] = []): Promise<void> {
    if (this.starting) return;
    this.starting = true;
    try {
      await this.begin(targets);
    } catch (error) {
      showRefusal(errorText(error));
    } finally {
      this.starting = false;
    }
  }

  private async begin(targets: readonly string[]): Promise<void> {
    const { saving, checking, store, drawer, facts } = this.editing;
    if (!store.doc.nodes.length) throw new Error(gettext("There is nothing to run. Add a node first."));
    // The server checks the document itself, so do not wait for a slow check.
    await Promise.all([
      saving.settle(),
      Promise.race([checking.settle(), new Promise((done) => window.setTimeout(done, CHECK_MS))]),
    ]);
    const wrong =
      store.check === "checked" ? store.problems.filter((problem) => problem.severity === "error").length : 0;
    if (wrong) {
      drawer.show("problems");
      throw new Error(
        fill(ngettext("Not started: the draft has {n} problem.", "Not started: the draft has {n} problems.", wrong), {
          n: wrong,
        }),
      );
    }
    const asked = new URLSearchParams([
      ["draft", "1"],
      ["follow", "1"],
      ...targets.map((target) => ["target", target]),
    ]);
    if (targets.length) drawer.show("data");
    if (asksInputs(store.doc)) await openDialog(`${facts.address}run/?${asked}`);
    else this.follow(await startRun(`${facts.address}run/`, asked), true);
  }

  /** Follows this run from now on. `isPresent`: it was started here from the present document. */
  private follow(id: string, isPresent = false): void {
    const { store } = this.editing;
    if (store.run?.id === id) return;
    this.feed?.close();
    this.failureToast?.remove();
    const run = new RunStore(id, "");
    let over = false;
    run.listen((change) => {
      if (change.steps.some((step) => step.node !== "" && step.to === "succeeded")) this.soon();
      if (!change.run) return;
      const ended = RUN_ENDED.has(run.run?.state ?? "");
      if (ended && !over) this.ended(run);
      over = ended;
    });
    this.feed = feedRun(run, {
      refused: () => {
        // The run was deleted, or the user may no longer see it.
        if (store.run === run) store.setRun(null);
      },
    });
    store.setRun(run, isPresent);
  }

  private ended(run: RunStore): void {
    const { store, drawer, canvas, keyboard } = this.editing;
    void this.refresh();
    const state = run.run?.state ?? "";
    const open = {
      label: gettext("Open the run"),
      run: () => window.location.assign(`/runs/${encodeURIComponent(run.id)}/`),
    };
    if (state === "succeeded") {
      const done = run.run?.counts["succeeded"] ?? 0;
      toast(
        fill(
          ngettext("Run {run} of the draft: {n} node succeeded.", "Run {run} of the draft: {n} nodes succeeded.", done),
          { run: run.id, n: done },
        ),
      );
    } else if (state === "cancelled") toast(fill(gettext("Run {run} of the draft was cancelled."), { run: run.id }));
    else {
      const failed = firstFailed(run.nodes.values());
      const node = failed ? nodeOf(store.doc, failed.node) : undefined;
      if (!node) {
        this.failureToast = toast(fill(gettext("Run {run} of the draft failed."), { run: run.id }), "error", open);
        return;
      }
      const show = (): void => {
        store.select([node.id]);
        canvas.reveal([node.id]);
        drawer.show("data");
      };
      const elsewhere = store.node?.id !== node.id;
      // Who types in another node stays there: the next keys are meant for that one.
      const asks = keyboard.inUse && elsewhere;
      if (!keyboard.inUse) {
        show();
        if (elsewhere) keyboard.moved();
      }
      this.failureToast = toast(
        fill(gettext("Run {run} of the draft failed at {node}."), { run: run.id, node: visible(nameOf(node)) }),
        "error",
        asks ? { label: gettext("Show"), run: show } : open,
      );
    }
  }

  private async refresh(): Promise<void> {
    const { facts, store } = this.editing;
    this.reading += 1;
    const number = this.reading;
    this.readAt = performance.now();
    let body: JsonObject;
    try {
      body = (await call("GET", `${facts.address}edit/outputs/?tag=${encodeURIComponent(this.tag)}`)).body;
    } catch {
      // Keep the known outputs; they are requested again when the window gets the focus or a run ends.
      return;
    }
    if (number !== this.reading || typeof body["tag"] !== "string") return;
    if (isObject(body["outputs"])) {
      this.tag = body["tag"];
      store.setOutputs(new Map(Object.entries(body["outputs"]).flatMap(([node, value]) => readOutput(node, value))));
    }
    const running = body["run"];
    if (typeof running === "string" && Number(running) > Number(store.run?.id ?? -1)) this.follow(running);
  }
}

/** Returns whether a run of the document needs a form for its inputs. */
export function asksInputs(doc: Doc): boolean {
  const inputs = doc["inputs"];
  const properties = isObject(inputs as Json) ? (inputs as JsonObject)["properties"] : undefined;
  return isObject(properties) && Object.keys(properties).length > 0;
}

/** Starts a run without a form and returns its id. Raises as `send` does. */
export async function startRun(address: string, asked: URLSearchParams): Promise<string> {
  const { body } = await send("POST", address, asked, {
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
  });
  if (typeof body["run"] !== "string") throw signedOut(body);
  return body["run"];
}

function readOutput(node: string, value: Json): [string, NodeOutputInfo][] {
  if (!isObject(value) || typeof value["run"] !== "string") return [];
  const columns = value["columns"];
  const known: NodeOutputInfo = {
    run: value["run"],
    version: typeof value["version"] === "number" ? value["version"] : null,
    at: typeof value["at"] === "string" ? value["at"] : "",
    kind: value["kind"] === "table" ? "table" : "json",
    rows: typeof value["rows"] === "number" ? value["rows"] : null,
    columns: Array.isArray(columns) ? columns.flatMap(readColumn) : null,
    fingerprint: typeof value["fingerprint"] === "string" ? value["fingerprint"] : null,
  };
  return [[node, known]];
}

function readColumn(value: Json): Column[] {
  return isObject(value) && typeof value["name"] === "string" && typeof value["type"] === "string"
    ? [{ name: value["name"], type: value["type"] }]
    : [];
}

/** Cancels a run; shows a message if that fails. */
export async function cancelRun(id: string): Promise<void> {
  try {
    await call("POST", `/api/v1/runs/${encodeURIComponent(id)}/cancel/`, {});
  } catch (error) {
    toast(errorText(error), "error");
  }
}
