/** Keyboard shortcuts of a run's page: J K next and previous failed or stuck node, W why, L logs, T timeline, . follow, F fit,
 * Shift F fit the selection, / search in the focused part, Esc close. */

import { one, isTyping } from "../dom";
import type { Drawer } from "./drawer";
import type { Events } from "./events/events";
import type { LogView } from "./logs/logs";
import type { NodeTable } from "./nodes/nodes";
import type { Panel } from "./panel";
import type { RunStore } from "./store";

export interface RunCanvas {
  fit(): void;
  fitSelection(): void;
  focus(): void;
  search(): void;
}

interface RunParts {
  readonly drawer: Drawer;
  readonly logs: LogView;
  readonly panel: Panel;
}

/** Parts that are null until they are shown or loaded. */
export interface LazyParts {
  canvas: RunCanvas | null;
  nodes: NodeTable | null;
  events: Events | null;
}

const FAILED: ReadonlySet<string> = new Set(["failed", "timed_out"]);

export function startRunKeys(
  store: RunStore,
  root: HTMLElement,
  { drawer, logs, panel }: RunParts,
  lazy: LazyParts,
): void {
  /** Handles a key; returns whether it did. */
  const act = (event: KeyboardEvent): boolean => {
    const inside = (selector: string): boolean =>
      document.activeElement?.closest(selector) !== null && document.activeElement !== null;
    switch (event.key === "F" ? "shift f" : event.key.toLowerCase()) {
      case "j":
        return chooseNextProblem(store, 1);
      case "k":
        return chooseNextProblem(store, -1);
      case "w":
        if (!store.chosen) chooseNextProblem(store, 1);
        panel.show("why");
        return true;
      case "l":
        drawer.show("logs");
        logs.focus();
        return true;
      case "t":
        drawer.show("timeline");
        one("#tab-timeline", root)?.focus();
        return true;
      case ".":
        if (drawer.current === "events") lazy.events?.toggleFollow();
        else logs.toggleFollow();
        return true;
      case "f":
        lazy.canvas?.fit();
        return true;
      case "shift f":
        lazy.canvas?.fitSelection();
        return true;
      case "/":
        if (lazy.canvas && inside(".runcanvas")) lazy.canvas.search();
        else if (drawer.current === "nodes" || inside(".runnodes")) lazy.nodes?.focusSearch();
        else if (drawer.current === "logs" && inside(".drawer"))
          one<HTMLInputElement>("[data-log-search]", root)?.focus();
        else if (lazy.canvas) lazy.canvas.search();
        else one<HTMLInputElement>("[data-log-search]", root)?.focus();
        return true;
      case "escape":
        return onEscape(store);
      default:
        return false;
    }
  };
  // Before the shortcuts of every page, which ignore handled events.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || one("dialog[open]")) return;
      if (
        event.key === "Escape"
          ? (one("[popover]:popover-open") ?? event.target instanceof HTMLSelectElement)
          : isTyping(event.target)
      )
        return;
      if (act(event)) event.preventDefault();
    },
    { capture: true },
  );
}

/** Clears the search, or else the selection. */
function onEscape(store: RunStore): boolean {
  const at = document.activeElement;
  if (at instanceof HTMLInputElement && at.type === "search") {
    if (at.value) {
      at.value = "";
      at.dispatchEvent(new Event("input", { bubbles: true }));
    } else at.blur();
    return true;
  }
  if (!store.chosen || at?.closest(".runcanvas")) return false;
  store.choose("");
  return true;
}

/** Selects the next (1) or previous (-1) failed or stuck node, wrapping around. */
function chooseNextProblem(store: RunStore, direction: 1 | -1): true {
  const ids = [...store.nodes.keys()];
  const from = ids.indexOf(store.chosen);
  const start = from < 0 && direction < 0 ? 0 : from;
  for (let n = 1; n <= ids.length; n += 1) {
    const id = ids[(start + direction * n + ids.length * 2) % ids.length];
    if (id !== undefined && (FAILED.has(store.nodes.get(id)?.state ?? "") || store.stuck.has(id))) {
      store.choose(id);
      break;
    }
  }
  return true;
}
