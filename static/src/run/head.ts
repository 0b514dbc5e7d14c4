/** The head of a run's page: state, stuck nodes, progress and duration. */

import { isObject } from "../json";
import { call } from "../api/client";
import { refreshTimes, formatTime, serverNow } from "../behaviours/clock";
import { all, element, icon, one, setAttribute, setHidden, setText, throttled } from "../dom";
import { GraphLoadError, loadGraph } from "../graph/load";
import type { Graph } from "../graph/model";
import { fill, gettext } from "../words/i18n";
import { count, stateLook, NODE_ENDED, RUN_ENDED } from "../words/words";
import { secondsToEnd } from "./expected-end";
import { showDuration } from "./nodes/nodes";
import { retries } from "../live/retries";
import type { RunStore } from "./store";

/** The estimate of the run's end is updated at most, and at least, this often. */
const ESTIMATE_MS = 2000;
const RECHECK_MS = 5000;

/** `why`: shows the tab "Why" of the selected node. */
export function startHead(store: RunStore, root: HTMLElement, why: () => void): void {
  one("[data-run-stuck]", root)?.addEventListener("click", (event) => {
    event.preventDefault();
    const [first] = stuckNodes(store);
    if (!first) return;
    store.choose(first);
    why();
  });
  showExpectedEnd(store, root);
  store.listen((change) => {
    if (change.run || change.snapshot) showRun(store, root);
    if (change.stuck.size || change.snapshot) showStuck(store, root);
  });
}

/** Shows the expected end. Its data is loaded once, and only for unfinished runs. */
function showExpectedEnd(store: RunStore, root: HTMLElement): void {
  const place = one("[data-run-ends]", root);
  if (!place) return;
  let known: Promise<EstimateData> | null = null;
  const show = throttled(ESTIMATE_MS, () => void tell());
  async function tell(): Promise<void> {
    const run = store.run;
    const part = place?.closest<HTMLElement>("[data-run-ends-part]") ?? place;
    setHidden(part, !run || RUN_ENDED.has(run.state));
    if (!run || RUN_ENDED.has(run.state) || document.hidden) return;
    let seconds: number | null = null;
    if (run.state === "running" && !store.stuck.size && (known || !retries.waits(show))) {
      try {
        const { graph, expected } = await (known ??= loadEstimateData(store, root));
        retries.answered(show);
        seconds = graph && secondsToEnd(run, graph, store.nodes, store.stuck, expected, serverNow());
      } catch (error) {
        known = null;
        retries.failed(error instanceof GraphLoadError ? error.cause : error, show);
      }
    }
    setHidden(one("[data-run-ends-label]", root), seconds === null);
    setText(
      place,
      seconds === null
        ? gettext("No estimate yet")
        : formatTime(new Date(serverNow() + 1000 * seconds).toISOString(), "time", serverNow()),
    );
  }
  store.listen((change) => {
    if (change.run || change.snapshot || change.nodes.size || change.stuck.size) show();
  });
  // The estimate changes without a message when a node takes longer than expected.
  window.setInterval(show, RECHECK_MS);
}

interface EstimateData {
  readonly graph: Graph | null;
  readonly expected: Readonly<Record<string, number>>;
}

/** Loads the graph (shared with the canvas) and the expected durations of its nodes. */
async function loadEstimateData(store: RunStore, root: HTMLElement): Promise<EstimateData> {
  const address = one("[data-canvas]", root)?.dataset["graph"];
  const [graph, times] = await Promise.all([
    address ? loadGraph(address) : null,
    call("GET", `/runs/${store.id}/expected-durations/`),
  ]);
  const expected: Record<string, number> = {};
  const found = times.body["seconds"];
  if (isObject(found)) {
    for (const [node, seconds] of Object.entries(found)) if (typeof seconds === "number") expected[node] = seconds;
  }
  return { graph, expected };
}

/** Ids of the stuck nodes in document order. */
function stuckNodes(store: RunStore): string[] {
  return [...store.nodes.keys()].filter((id) => store.stuck.has(id));
}

function showStuck(store: RunStore, root: HTMLElement): void {
  const chip = one("[data-run-stuck]", root);
  const n = store.stuck.size;
  setHidden(chip, n === 0);
  setText(one("span", chip ?? root), fill(gettext("{n} stuck"), { n: count(n) }));
}

function showRun(store: RunStore, root: HTMLElement): void {
  const run = store.run;
  if (!run) return;
  const state = one("[data-run-state]", root);
  if (state && root.dataset["shown"] !== run.state) {
    const { icon: name, word } = stateLook(run.state);
    state.replaceChildren(element("span", `chip st-${run.state}`, icon(name), word));
    root.dataset["shown"] = run.state;
  }
  let done = 0;
  let whole = 0;
  for (const [name, n] of Object.entries(run.counts)) {
    whole += n;
    if (NODE_ENDED.has(name)) done += n;
  }
  whole ||= store.nodes.size;
  setText(
    one("[data-run-done]", root),
    fill(gettext("{done} of {all} nodes"), { done: count(done), all: count(whole) }),
  );
  setText(
    one("[data-run-share]", root),
    whole ? `${done === whole ? 100 : Math.min(99, Math.round((100 * done) / whole))} %` : "",
  );
  const bar = one<HTMLProgressElement>("[data-run-bar]", root);
  if (bar) {
    bar.max = whole || 1;
    bar.value = done;
    setAttribute(bar, "class", `bar st-${run.state}`);
  }
  showDuration(one("[data-run-time]", root), run);
  const began = one("[data-run-began] time", root);
  if (began && run.started_at && began.getAttribute("datetime") !== run.started_at) {
    began.setAttribute("datetime", run.started_at);
    setText(one("[data-run-verb]", root), gettext("Started"));
    refreshTimes(root);
  }
  const ended = RUN_ENDED.has(run.state);
  for (const part of all("[data-when]", root)) setHidden(part, (part.dataset["when"] === "ended") !== ended);
  const bad = ["failed", "timed_out", "cancelled"].some((name) => (run.counts[name] ?? 0) > 0);
  for (const part of all("[data-when-bad]", root)) setHidden(part, !bad);
  const failed = ["failed", "timed_out"].some((name) => (run.counts[name] ?? 0) > 0);
  for (const part of all("[data-when-failed]", root)) setHidden(part, !failed);
  for (const part of all("[data-when-cancelled]", root)) setHidden(part, failed);
  setHidden(one("[data-run-lasts]", root), !run.started_at);
  setText(one("[data-run-took]", root), ended ? gettext("Took") : gettext("Running"));
  if (!ended && root.dataset["state"] !== run.state) {
    // A retry made an ended run continue: enable its cancel button again.
    const cancel = one<HTMLButtonElement>("[data-cancel]", root);
    if (cancel && RUN_ENDED.has(root.dataset["state"] ?? "")) {
      cancel.disabled = false;
      setText(one("span", cancel), gettext("Cancel"));
    }
  }
  root.dataset["state"] = run.state;
}
