/** The run page: one store fed by the socket; each part takes from it what changed. */

import htmx from "htmx.org";
import { refreshTimes, serverNow } from "../behaviours/clock";
import { morph } from "../behaviours/morph";
import { toast } from "../behaviours/toast";
import { all, element, icon, one, setAttribute, setHidden, setText, throttled, typing } from "../dom";
import { showLive } from "../live/dot";
import { fold, NOTHING, type RunView } from "../live/fold";
import { type NodeRun, readRunMessage, type Run } from "../live/protocol";
import { Live } from "../live/socket";
import { fill, gettext } from "../words/i18n";
import { count, look, NODE_ENDED, RUN_ENDED } from "../words/words";
import { LogView } from "./logs";
import { lasting, NodeTable } from "./nodes";

const BEHIND_SECONDS = 3;

export function startRun(run: string, root: HTMLElement): void {
  let view: RunView = NOTHING;
  const logs = new LogView(run);
  const table = new NodeTable(root, choose);
  const panel = one("[data-panel]");
  let tab = new URLSearchParams(location.search).get("tab") ?? "";

  function choose(node: string): void {
    if (!panel) return;
    table.select(node);
    logs.ofNode(node);
    tab = "";
    history.replaceState(null, "", node ? `/runs/${run}/nodes/${node}/` : `/runs/${run}/`);
    const address = node ? `/runs/${run}/nodes/${node}/panel/` : `/runs/${run}/summary/`;
    void htmx.ajax("get", address, { target: panel, swap: "innerHTML" });
  }

  const refreshPanel = throttled(500, () => void reload());
  async function reload(): Promise<void> {
    if (!panel || document.hidden) return;
    const node = table.chosen;
    const address = node ? `/runs/${run}/nodes/${node}/panel/${tab ? `?tab=${tab}` : ""}` : `/runs/${run}/summary/`;
    let response: Response;
    try {
      response = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    } catch {
      return;
    }
    if (!response.ok || response.redirected || node !== table.chosen) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const wanted = element("aside");
    wanted.append(...fresh.body.childNodes);
    for (const { name, value } of [...panel.attributes]) wanted.setAttribute(name, value);
    morph(panel, wanted);
    htmx.process(panel);
    refreshTimes(panel);
  }

  /** Parts of a node that its panel shows; progress alone does not ask the server again. */
  const facets = (node: NodeRun | undefined): string => (node ? JSON.stringify([node.state, node.attempt, node.reason, node.error, node.output, node.waiting_for]) : "");

  const live = new Live({
    path: `/ws/runs/${run}/`,
    hello: () => (view.seq >= 0 ? { type: "hello", after: view.seq } : { type: "hello" }),
    state: (state) => {
      // Live is only what a message has just proved.
      if (state.kind !== "live") showLive(state);
    },
    refused: (code) => {
      if (code === 4404) toast(gettext("This run was deleted."), "error");
      else if (code === 4403) toast(gettext("You may not see this run any more."), "error");
    },
    message: (raw) => {
      const message = readRunMessage(raw);
      if (!message) return;
      const before = view;
      const folded = fold(view, message);
      if (folded.gap) {
        live.hello();
        return;
      }
      view = folded.view;
      const late = folded.newestAt ? (serverNow() - Date.parse(folded.newestAt)) / 1000 : 0;
      showLive(late > BEHIND_SECONDS ? { kind: "behind", seconds: late } : { kind: "live" });
      if (folded.snapshot) {
        logs.setNames(new Map([...view.nodes.values()].map((node) => [node.node, node.name])));
        void logs.open(view.seq);
      } else logs.add(folded.lines);
      if (folded.nodesChanged.size || folded.snapshot) {
        table.update(view.nodes, folded.nodesChanged, folded.snapshot);
        const chosen = table.chosen;
        if (chosen ? folded.nodesChanged.has(chosen) && facets(before.nodes.get(chosen)) !== facets(view.nodes.get(chosen)) : folded.runChanged && before.run?.state !== view.run?.state) refreshPanel();
      }
      if (view.run && folded.runChanged) {
        showRun(root, view.run, view.nodes);
        logs.setEnded(RUN_ENDED.has(view.run.state));
        if (!table.chosen && before.run && before.run.state !== view.run.state) refreshPanel();
      }
    },
  });

  let stuckBefore = 0;
  window.setInterval(() => {
    if (document.hidden) return;
    const count = table.tick();
    const chip = one("[data-run-stuck]", root);
    setHidden(chip, count === 0);
    setText(one("span", chip ?? root), fill(gettext("{n} stuck"), { n: count }));
    if (count !== stuckBefore) refreshPanel();
    stuckBefore = count;
  }, 1000);
  if (table.chosen) logs.ofNode(table.chosen);
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-panel-close]")) choose("");
    const link = event.target.closest<HTMLAnchorElement>("[data-panel] .tabs a");
    if (link) tab = new URL(link.href).searchParams.get("tab") ?? "";
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refreshPanel();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "j") table.step(1);
    else if (key === "k") table.step(-1);
    else if (key === "l") {
      drawer("logs");
      logs.focus();
    } else if (key === ".") logs.toggleFollow();
    else return;
    event.preventDefault();
  });
  for (const button of all("[data-drawer]")) button.addEventListener("click", () => drawer(button.dataset["drawer"] ?? ""));
}

function drawer(name: string): void {
  for (const button of all("[data-drawer]")) {
    const on = button.dataset["drawer"] === name;
    setAttribute(button, "aria-selected", String(on));
    setHidden(one(`#drawer-${button.dataset["drawer"] ?? ""}`), !on);
  }
  setHidden(one("[data-log-tools]"), name !== "logs");
}

function showRun(root: HTMLElement, run: Run, nodes: ReadonlyMap<string, NodeRun>): void {
  const state = one("[data-run-state]", root);
  if (state && root.dataset["shown"] !== run.state) {
    const { icon: name, word } = look(run.state);
    state.replaceChildren(element("span", `chip st-${run.state}`, icon(name), word));
    root.dataset["shown"] = run.state;
  }
  let done = 0;
  let whole = 0;
  for (const [name, n] of Object.entries(run.counts)) {
    whole += n;
    if (NODE_ENDED.has(name)) done += n;
  }
  whole ||= nodes.size;
  setText(one("[data-run-done]", root), fill(gettext("{done} of {all} nodes"), { done: count(done), all: count(whole) }));
  setText(one("[data-run-share]", root), whole ? `${Math.floor((100 * done) / whole)} %` : "");
  const bar = one<HTMLProgressElement>("[data-run-bar]", root);
  if (bar) {
    bar.max = whole || 1;
    bar.value = done;
    setAttribute(bar, "class", `bar st-${run.state}`);
  }
  lasting(one("[data-run-time]", root), run);
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
  setText(one("[data-run-took]", root), ended ? gettext("Took") : gettext("Running"));
  if (!ended && root.dataset["state"] !== run.state) {
    // A retry made an ended run go on: its button may be pressed again.
    const cancel = one<HTMLButtonElement>("[data-cancel]", root);
    if (cancel && RUN_ENDED.has(root.dataset["state"] ?? "")) {
      cancel.disabled = false;
      setText(one("span", cancel), gettext("Cancel"));
    }
  }
  root.dataset["state"] = run.state;
}
