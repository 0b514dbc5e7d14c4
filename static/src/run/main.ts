/** The run page: one store fed by the socket; each part listens to it by itself. */

import { showGraphFailure } from "../canvas/load-failure";
import { one } from "../dom";
import { loadGraph } from "../graph/load";
import { showConnection } from "../live/connection-status";
import { gettext } from "../words/i18n";
import { keepChosen } from "./url";
import { Coming } from "./loading";
import { Drawer } from "./drawer";
import { mountEvents } from "./events/events";
import { feedRun } from "./feed";
import { startHead } from "./head";
import { startInputs } from "./copy-inputs";
import { type LazyParts, type RunCanvas, startRunKeys } from "./keys";
import { LogView } from "./logs/logs";
import { NodeTable } from "./nodes/nodes";
import { startPanel } from "./panel";
import { RunStore } from "./store";

export function startRun(run: string, root: HTMLElement): void {
  const store = new RunStore(run, root.dataset["chosen"] ?? "", Number(root.dataset["seq"] ?? -1));
  const panel = startPanel(store, root);
  startHead(store, root, () => panel.show("why"));
  startInputs(run, root);
  const logs = new LogView(store, root);
  const lazy: LazyParts = { canvas: null, nodes: null, events: null };
  const drawer = new Drawer(root, {
    nodes: () => {
      lazy.nodes = new NodeTable(store, root);
    },
    timeline: () => startTimeline(store, root),
    events: () => {
      const host = one("[data-events]", root);
      if (host) lazy.events = mountEvents(host, store);
    },
  });
  const narrow = window.matchMedia("(max-width: 900px)");
  store.listen((change) => {
    if (!change.chosen) return;
    keepChosen(run, store.chosen);
    // In one column the panel is not in view when a node further down is chosen.
    if (narrow.matches && store.chosen) one("[data-panel]", root)?.scrollIntoView({ block: "start" });
  });
  connect(store);
  startRunKeys(store, root, { drawer, logs, panel }, lazy);
  void startCanvas(store, root).then((canvas) => {
    lazy.canvas = canvas;
  });
}

async function startCanvas(store: RunStore, root: HTMLElement): Promise<RunCanvas | null> {
  const host = one("[data-canvas]", root);
  // On its way while the canvas itself is; what becomes of it is the canvas's to tell.
  if (host?.dataset["graph"]) loadGraph(host.dataset["graph"]).catch(() => undefined);
  if (!host) return null;
  try {
    return (await import("../canvas/run/mount")).mountRunCanvas(host, store);
  } catch (error) {
    showGraphFailure(host, gettext("The part of the page that draws it did not come."), () => location.reload());
    throw error;
  }
}

/** Large, and not always needed: a script of its own. */
function startTimeline(store: RunStore, root: HTMLElement): void {
  const host = one("[data-timeline]", root);
  if (!host) return;
  const coming = new Coming(host, gettext("The timeline could not be loaded"), begin);
  function begin(): void {
    coming.begin();
    import("./timeline/timeline").then(
      ({ mountTimeline }) => {
        coming.done();
        mountTimeline(host as HTMLElement, store);
      },
      (error: unknown) => coming.failed(error, gettext("The part of the page that draws it did not come.")),
    );
  }
  begin();
}

function connect(store: RunStore): void {
  feedRun(store, { state: showConnection });
}
