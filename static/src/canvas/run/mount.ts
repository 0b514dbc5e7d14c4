/** The graph of a run with its live states. Loaded by the run page as a part of its own: React and its friends are here. */

import { serverNow } from "../../behaviours/clock";
import { one } from "../../dom";
import { arrange, type Arranged, tidy } from "../../graph/layout/layout";
import { loadGraph, NotLoaded, whyNot } from "../../graph/load";
import type { Graph } from "../../graph/model";
import type { Direction } from "../../graph/walk";
import type { RunStore } from "../../run/store";
import { Board } from "./board";
import { failure } from "../load-failure";
import { skeleton } from "../frame";

export interface RunCanvas {
  /** All nodes in view. */
  fit(): void;
  /** The chosen node and its neighbours in view; all nodes when none is chosen. */
  fitChosen(): void;
  /** Gives the keyboard to the canvas. */
  focus(): void;
  search(): void;
  /** From the focused node to the next one in a direction. */
  walk(direction: Direction): void;
  destroy(): void;
}

/** How long a graph waits for its first states: it would show all nodes as pending, and then jump. */
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
  let board: Board | null = null;
  let gone = false;
  const later: ((board: Board) => void)[] = [];
  // A page that is left takes its workers along in the middle of their work: no fault to tell of.
  let leaving = false;
  window.addEventListener("beforeunload", () => (leaving = true));
  window.addEventListener("pageshow", () => (leaving = false));

  async function start(): Promise<void> {
    const done = skeleton(host);
    let graph: Graph;
    let arranged: Arranged;
    try {
      graph = await loadGraph(host.dataset["graph"] ?? "");
      [arranged] = await Promise.all([arrange(graph), firstStates(store)]);
    } catch (error) {
      done();
      if (gone || leaving) return;
      failure(host, whyNot(error), () => void start());
      if (!(error instanceof NotLoaded)) throw error;
      return;
    }
    done();
    if (gone) return;
    board = new Board(host, store, graph, arranged, {
      now: serverNow,
      tidy: () => tidy(graph),
      open: () => {
        const panel = one("[data-panel]");
        // Its content is another one in a moment; the part itself stays, and with it the focus.
        if (panel && !panel.hasAttribute("tabindex")) panel.tabIndex = -1;
        panel?.focus();
      },
    });
    for (const act of later.splice(0)) act(board);
  }

  void start();
  const act = (what: (board: Board) => void): void => {
    if (board) what(board);
    else later.push(what);
  };
  return {
    fit: () => act((it) => it.fit()),
    fitChosen: () => act((it) => it.fitChosen()),
    focus: () => act((it) => it.focus()),
    search: () => act((it) => it.search()),
    walk: (direction) => act((it) => it.walk(direction)),
    destroy: () => {
      gone = true;
      board?.destroy();
      host.replaceChildren();
    },
  };
}
