/** The page of a run: one store fed by the socket, to which each part listens. */

import { showGraphFailure } from "../canvas/load-failure";
import { one } from "../dom";
import { loadGraph } from "../graph/load";
import { showConnection } from "../live/connection-status";
import { gettext } from "../words/i18n";
import { setNodePath } from "./url";
import { LoadingState } from "./loading";
import { Drawer } from "./drawer";
import { mountEvents } from "./events/events";
import { feedRun } from "./feed";
import { startHead } from "./head";
import { listenToCopyInput } from "./copy-input";
import { type LazyParts, type RunCanvas, startRunKeys } from "./keys";
import { LogView } from "./logs/logs";
import { NodeTable } from "./nodes/nodes";
import { addPaletteEntries } from "./palette-entries";
import { startPanel } from "./panel";
import { retries } from "../live/retries";
import { RunStore } from "./store";

export function startRun(run: string, root: HTMLElement): void {
  const store = new RunStore(run, root.dataset["chosen"] ?? "", Number(root.dataset["seq"] ?? -1));
  const panel = startPanel(store, root);
  startHead(store, root, () => panel.show("why"));
  listenToCopyInput(run, root);
  addPaletteEntries(root);
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
    setNodePath(run, store.chosen);
    // In the narrow layout the panel may be out of view when a node is selected.
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
  // Load the graph while the canvas loads; the canvas reports a failure.
  if (host?.dataset["graph"]) loadGraph(host.dataset["graph"]).catch(() => undefined);
  if (!host) return null;
  try {
    return (await import("../canvas/run/mount")).mountRunCanvas(host, store);
  } catch (error) {
    showGraphFailure(host, gettext("Part of this page could not be loaded."), () => location.reload());
    throw error;
  }
}

/** Loads the timeline, a chunk of its own because it is not always needed. */
function startTimeline(store: RunStore, root: HTMLElement): void {
  const host = one("[data-timeline]", root);
  if (!host) return;
  const coming = new LoadingState(host, gettext("The timeline could not be loaded"), begin);
  function begin(): void {
    coming.begin();
    import("./timeline/timeline").then(
      ({ mountTimeline }) => {
        coming.done();
        mountTimeline(host as HTMLElement, store);
      },
      (error: unknown) => coming.failed(error, gettext("Part of this page could not be loaded.")),
    );
  }
  begin();
}

function connect(store: RunStore): void {
  let offline = false;
  feedRun(store, {
    state: (state) => {
      showConnection(state);
      if (state.kind === "live" && offline) retries.now();
      offline = state.kind === "offline" || (offline && state.kind !== "live");
    },
    refused: () => retries.stop(),
  });
}
