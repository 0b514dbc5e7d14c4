/** The run page: one store fed by the socket; each part listens to it by itself. */

import { serverNow } from "../behaviours/clock";
import { toast } from "../behaviours/toast";
import { failure } from "../canvas/failure";
import { one } from "../dom";
import { loadGraph } from "../graph/load";
import { showLive } from "../live/dot";
import { Lag } from "../live/lag";
import { readRunMessage, readSamples } from "../live/protocol";
import { Live } from "../live/socket";
import { gettext } from "../words/i18n";
import { keepChosen } from "./address";
import { Drawer } from "./drawer";
import { mountEvents } from "./events";
import { startHead } from "./head";
import { startInputs } from "./inputs";
import { type LazyParts, type RunCanvas, startRunKeys } from "./keys";
import { LogView } from "./logs";
import { NodeTable } from "./nodes";
import { startPanel } from "./panel";
import { RunStore } from "./store";

/** Silence after which a page that is behind asks whether there is more. */
const QUIET_SECONDS = 1;

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
    timeline: () => void startTimeline(store, root),
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
    return (await import("../canvas/run")).mountRunCanvas(host, store);
  } catch (error) {
    failure(host, gettext("The part of the page that draws it did not come."), () => location.reload());
    throw error;
  }
}

/** Large, and not always needed: a script of its own. */
async function startTimeline(store: RunStore, root: HTMLElement): Promise<void> {
  const host = one("[data-timeline]", root);
  if (host) (await import("./timeline")).mountTimeline(host, store);
}

function connect(store: RunStore): void {
  const lag = new Lag();
  const live = new Live({
    path: `/ws/runs/${store.id}/`,
    hello: () => {
      lag.hello();
      return store.seq >= 0 ? { type: "hello", after: store.seq } : { type: "hello" };
    },
    state: (state) => {
      // Live is only what a message has just proved.
      if (state.kind !== "live") showLive(state);
    },
    refused: (code) => {
      if (code === 4404) toast(gettext("This run was deleted."), "error");
      else if (code === 4403) toast(gettext("You may not see this run any more."), "error");
    },
    message: (raw) => {
      const samples = readSamples(raw);
      if (samples) store.sampled(samples);
      const message = readRunMessage(raw);
      if (!message) return;
      const taken = store.take(message, serverNow());
      if (taken.gap) {
        live.hello();
        return;
      }
      const seconds = lag.heard(taken.newestAt, message.type === "events" ? message.events.length : 0, serverNow());
      if (seconds || taken.older) live.helloIn(taken.older ? 2 * QUIET_SECONDS : QUIET_SECONDS);
      showLive(taken.older ? { kind: "connecting" } : seconds ? { kind: "behind", seconds } : { kind: "live" });
    },
  });
  const tick = (): void => {
    if (!document.hidden) store.tick(serverNow());
  };
  window.setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}

