/** The run page: one store fed by the socket; each part listens to it by itself. */

import { serverNow } from "../behaviours/clock";
import { toast } from "../behaviours/toast";
import { one, typing } from "../dom";
import { showLive } from "../live/dot";
import { Lag } from "../live/lag";
import { readRunMessage, readSamples } from "../live/protocol";
import { Live } from "../live/socket";
import { gettext } from "../words/i18n";
import { keepChosen } from "./address";
import { Drawer } from "./drawer";
import { startHead } from "./head";
import { LogView } from "./logs";
import { NodeTable } from "./nodes";
import { type Panel, startPanel } from "./panel";
import { RunStore } from "./store";

/** Silence after which a page that is behind asks whether there is more. */
const QUIET_SECONDS = 1;
const BAD: ReadonlySet<string> = new Set(["failed", "timed_out"]);

interface RunCanvas {
  fit(): void;
  fitChosen(): void;
  focus(): void;
  search(): void;
}
// Parts of the page that are large and not always needed are scripts of their own.
const canvases = import.meta.glob<{ mountRunCanvas(host: HTMLElement, store: RunStore): RunCanvas }>("../canvas/run.{ts,tsx}");
const timelines = import.meta.glob<{ mountTimeline(host: HTMLElement, store: RunStore): void }>("./timeline.ts");

export function startRun(run: string, root: HTMLElement): void {
  const store = new RunStore(run, root.dataset["chosen"] ?? "", Number(root.dataset["seq"] ?? -1));
  startHead(store, root);
  const panel = startPanel(store, root);
  const logs = new LogView(store, root);
  const drawer = new Drawer(root, {
    nodes: () => void new NodeTable(store, root),
    timeline: () => void startTimeline(store, root),
  });
  store.listen((change) => {
    if (change.chosen) keepChosen(run, store.chosen);
  });
  connect(store);
  const parts: Parts = { drawer, logs, panel, canvas: null };
  keys(store, parts);
  void startCanvas(store, root).then((canvas) => {
    parts.canvas = canvas;
  });
}

async function startCanvas(store: RunStore, root: HTMLElement): Promise<RunCanvas | null> {
  const host = one("[data-canvas]", root);
  const load = Object.values(canvases)[0];
  return host && load ? (await load()).mountRunCanvas(host, store) : null;
}

async function startTimeline(store: RunStore, root: HTMLElement): Promise<void> {
  const host = one("[data-timeline]", root);
  const load = Object.values(timelines)[0];
  if (host && load) (await load()).mountTimeline(host, store);
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

interface Parts {
  readonly drawer: Drawer;
  readonly logs: LogView;
  readonly panel: Panel;
  /** Null until it is loaded. */
  canvas: RunCanvas | null;
}

function keys(store: RunStore, parts: Parts): void {
  const { drawer, logs, panel } = parts;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target) || one("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "j") step(store, 1);
    else if (key === "k") step(store, -1);
    else if (key === "w") panel.show("why");
    else if (key === "l") {
      drawer.show("logs");
      logs.focus();
    } else if (key === "t") drawer.show("timeline");
    else if (key === ".") logs.toggleFollow();
    else if (key === "f" && parts.canvas) {
      if (event.shiftKey) parts.canvas.fitChosen();
      else parts.canvas.fit();
    }
    else return;
    event.preventDefault();
  });
}

/** Chooses the next (1) or previous (-1) node that failed or is stuck, from the chosen one, round the end. */
function step(store: RunStore, direction: 1 | -1): void {
  const ids = [...store.nodes.keys()];
  const bad = (id: string): boolean => BAD.has(store.nodes.get(id)?.state ?? "") || store.stuck.has(id);
  const from = ids.indexOf(store.chosen);
  const start = from < 0 && direction < 0 ? 0 : from;
  for (let n = 1; n <= ids.length; n += 1) {
    const id = ids[(start + direction * n + ids.length * 2) % ids.length];
    if (id !== undefined && bad(id)) {
      store.choose(id);
      return;
    }
  }
}
