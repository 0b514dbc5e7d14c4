/** The entry of the run's canvas, a chunk of its own because it brings React. */

import { serverNow } from "../../behaviours/clock";
import { one } from "../../dom";
import { arrangeGraph, type Arranged, layOut } from "../../graph/layout/layout";
import { loadGraph, GraphLoadError, loadErrorText } from "../../graph/load";
import type { Graph } from "../../graph/model";
import type { Direction } from "../../graph/walk";
import type { RunStore } from "../../run/store";
import { RunBoard } from "./board";
import { showGraphFailure } from "../load-failure";
import { showSkeleton } from "../frame";

interface RunCanvas {
  /** Shows all nodes. */
  fit(): void;
  /** Shows the selected node and its neighbours; all nodes if none is selected. */
  fitSelection(): void;
  /** Gives the keyboard focus to the canvas. */
  focus(): void;
  search(): void;
  /** Moves the focus to the next node in a direction. */
  walk(direction: Direction): void;
  destroy(): void;
}

/** How long the graph waits for its first states: without them, all nodes would briefly look pending. */
const STATES_MS = 600;

function firstStates(store: RunStore): Promise<void> {
  return new Promise((resolve) => {
    if (store.nodes.size) {
      resolve();
      return;
    }
    const done = (): void => {
      window.clearTimeout(timer);
      end();
      resolve();
    };
    const end = store.listen((change) => {
      if (change.snapshot) done();
    });
    const timer = window.setTimeout(done, STATES_MS);
  });
}

export function mountRunCanvas(host: HTMLElement, store: RunStore): RunCanvas {
  let board: RunBoard | null = null;
  let destroyed = false;
  const queued: ((board: RunBoard) => void)[] = [];
  // Leaving the page ends the layout worker, which is no failure to report.
  let leaving = false;
  window.addEventListener("beforeunload", () => (leaving = true));
  window.addEventListener("pageshow", () => (leaving = false));

  async function start(): Promise<void> {
    const done = showSkeleton(host);
    let graph: Graph;
    let arranged: Arranged;
    try {
      graph = await loadGraph(host.dataset["graph"] ?? "");
      [arranged] = await Promise.all([arrangeGraph(graph), firstStates(store)]);
    } catch (error) {
      done();
      if (destroyed || leaving) return;
      showGraphFailure(host, loadErrorText(error), () => void start());
      if (!(error instanceof GraphLoadError)) throw error;
      return;
    }
    done();
    if (destroyed) return;
    board = new RunBoard(host, store, graph, arranged, {
      now: serverNow,
      layOut: () => layOut(graph),
      focusPanel: () => {
        const panel = one("[data-panel]");
        // Its content is about to be replaced; the panel itself stays and keeps the focus.
        if (panel && !panel.hasAttribute("tabindex")) panel.tabIndex = -1;
        panel?.focus();
      },
    });
    for (const act of queued.splice(0)) act(board);
  }

  void start();
  const act = (what: (board: RunBoard) => void): void => {
    if (board) what(board);
    else queued.push(what);
  };
  return {
    fit: () => act((it) => it.fit()),
    fitSelection: () => act((it) => it.fitChosen()),
    focus: () => act((it) => it.focus()),
    search: () => act((it) => it.search()),
    walk: (direction) => act((it) => it.walk(direction)),
    destroy: () => {
      destroyed = true;
      board?.destroy();
      host.replaceChildren();
    },
  };
}
